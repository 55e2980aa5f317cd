// The package's sources as the tests import them: bundled by esbuild. What uses the engine needs
// the build before.

import { existsSync, readFileSync } from 'node:fs';

import { build } from 'esbuild';

import { BUNDLE, CARRIED } from '../bundle.mjs';

const MODULE = existsSync(CARRIED) ? readFileSync(CARRIED, 'utf8') : '';

/** All that the modules at `paths`, counted from `npm/`, export. */
export async function load(...paths) {
  const { outputFiles } = await build({
    ...BUNDLE,
    footer: { js: MODULE },
    format: 'esm',
    stdin: {
      contents: paths.map((path) => `export * from './${path}';`).join('\n'),
      resolveDir: BUNDLE.absWorkingDir,
    },
    write: false,
  });
  const code = Buffer.from(outputFiles[0].contents).toString('base64');
  return import(`data:text/javascript;base64,${code}`);
}
