// The package's sources as the tests import them: bundled by esbuild, without a build on disk.

import { build } from 'esbuild';

/** All that the module at `path`, counted from `npm/`, exports. */
export async function load(path) {
  const { outputFiles } = await build({
    absWorkingDir: new URL('..', import.meta.url).pathname,
    entryPoints: [path],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: 'es2022',
  });
  const code = Buffer.from(outputFiles[0].contents).toString('base64');
  return import(`data:text/javascript;base64,${code}`);
}
