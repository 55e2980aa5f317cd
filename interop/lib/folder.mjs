// Folders for what peers write, gone when the test is.

import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const folders = new Set();

/** Makes an empty folder; `remove()` it, or it goes when the runner does. */
export function temporaryFolder(name) {
  const folder = mkdtempSync(path.join(os.tmpdir(), `offhook-${name}-`));
  folders.add(folder);
  return folder;
}

/** Removes a folder of `temporaryFolder` and what is in it. */
export function remove(folder) {
  // A browser's last processes may still be writing.
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  folders.delete(folder);
}

process.on('exit', () => [...folders].forEach(remove));
