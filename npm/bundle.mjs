// How the sources are bundled, for the build and for tests that load a part of them.

import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export const BUNDLE = {
  absWorkingDir: here('.'),
  // What `build.mjs` has made of crates/web.
  alias: {
    'offhook-web': here('build/offhook_web.js'),
    'offhook-web/module': here('module/text.mjs'),
  },
  bundle: true,
  mainFields: ['module', 'main'],
  platform: 'neutral',
  target: ['es2022', 'chrome115', 'firefox115', 'safari16.4', 'node20'],
};

/** The WebAssembly module as the statement that stands behind each bundle which uses the engine. */
export const CARRIED = here('build/module.js');
