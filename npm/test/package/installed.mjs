// The package as somebody gets it who installs it: packed by npm, and unpacked into a folder of its
// own, away from the sources.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after } from 'node:test';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

/** What is in the package: its files and what each weighs. */
export function contents() {
  const options = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const text = execFileSync('npm', options, { cwd: PACKAGE, encoding: 'utf8', stdio: 'pipe' });
  return JSON.parse(text)[0].files;
}

/** A folder in which `offhook` is installed. It goes when the tests of the file are over. */
export function install() {
  const folder = mkdtempSync(join(tmpdir(), 'offhook-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const options = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const text = execFileSync('npm', options, { cwd: PACKAGE, encoding: 'utf8', stdio: 'pipe' });
  const { filename } = JSON.parse(text)[0];
  const target = join(folder, 'node_modules', 'offhook');
  mkdirSync(target, { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', target, '--strip-components=1']);
  return folder;
}
