// The package's sources as the tests import them: bundled by esbuild. What uses the engine needs
// the build before.

import { build } from 'esbuild';

import { BUNDLE } from '../bundle.mjs';

/** All that the modules at `paths`, counted from `npm/`, export. */
export async function load(...paths) {
  const { outputFiles } = await build({
    ...BUNDLE,
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
