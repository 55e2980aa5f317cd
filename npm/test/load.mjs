// The package's sources as the tests import them: bundled by esbuild. What uses the
// engine needs the build before.

import { build } from 'esbuild';

import { BUNDLE } from '../bundle.mjs';

/** All that the module at `path`, counted from `npm/`, exports. */
export async function load(path) {
  const { outputFiles } = await build({
    ...BUNDLE,
    entryPoints: [path],
    format: 'esm',
    write: false,
  });
  const code = Buffer.from(outputFiles[0].contents).toString('base64');
  return import(`data:text/javascript;base64,${code}`);
}
