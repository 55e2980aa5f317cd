// Builds the package: crates/web to WebAssembly, and the TypeScript around it into dist/.
//
// usage: node build.mjs
//
// It needs cargo, and Rust's wasm32-unknown-unknown target (`rustup target add`; see
// tools/wasm-build.sh for machines without rustup). The wasm-bindgen tool is installed into
// target/wasm-bindgen unless the right one is on the PATH. What has not changed is not built again.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';

import * as esbuild from 'esbuild';
import { minify_sync } from 'terser';

import { BUNDLE, CARRIED } from './bundle.mjs';
import { carry, inAscii } from './module/carry.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '..');
const build = join(here, 'build');
const dist = join(here, 'dist');

// What the browsers of `bundle.mjs` know of WebAssembly; the compiler uses the same.
const FEATURES = [
  'bulk-memory', 'multivalue', 'mutable-globals', 'nontrapping-float-to-int', 'reference-types',
  'sign-ext',
];
const KNOWN = ['--mvp-features', ...FEATURES.map((feature) => `--enable-${feature}`)];
const OPTIMIZE = [
  '-Oz', '--converge', '--zero-filled-memory',
  // Functions that are called once stay on their own, unless they are small: it compresses better.
  '--one-caller-inline-max-function-size', '40',
  ...KNOWN,
  '--strip-producers', '--strip-target-features',
];

function run(command, args, options = {}) {
  return execFileSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options });
}

/** The module as cargo makes it. */
function compile() {
  run('tools/wasm-build.sh', ['--small', 'offhook-web', '--', '--quiet', '--profile', 'web']);
  const target = resolve(root, process.env.OFFHOOK_WASM_TARGET_DIR ?? 'target/wasm');
  return join(target, 'wasm32-unknown-unknown', 'web', 'offhook_web.wasm');
}

/** The wasm-bindgen tool, of exactly the crate's version: their formats are one. */
function bindgen() {
  const lock = readFileSync(join(root, 'Cargo.lock'), 'utf8');
  const version = /name = "wasm-bindgen"\nversion = "([^"]+)"/.exec(lock)[1];
  const isRight = (tool) => {
    try {
      const said = run(tool, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      return said.trim() === `wasm-bindgen ${version}`;
    } catch {
      return false;
    }
  };
  const folder = join(root, 'target', 'wasm-bindgen');
  const own = join(folder, 'bin', 'wasm-bindgen');
  const found = ['wasm-bindgen', own].find(isRight);
  if (found) return found;
  console.log(`build: installing wasm-bindgen ${version} into ${relative(root, folder)}`);
  run('cargo', [
    'install', '--quiet', '--debug', 'wasm-bindgen-cli', '--version', version, '--root', folder,
  ]);
  return own;
}

function binaryen(tool, args, options) {
  return run(join(here, 'node_modules', '.bin', tool), args, options);
}

/** Gives what the module imports and exports names of a letter, in its JavaScript too. */
function rename(module) {
  const pass = '--minify-imports-and-exports-and-modules';
  const said = binaryen('wasm-opt', [...KNOWN, pass, module, '-o', module], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { imports, exports } = JSON.parse(said);
  const glue = join(build, 'offhook_web.js');
  let text = `${readFileSync(glue, 'utf8')}export const memory = () => wasm.memory;\n`;
  for (const [, long, short] of imports) text = text.replace(`${long}:`, `${short}:`);
  const names = new Map(exports);
  text = text.replace(/\bwasm\.(\w+)/g, (_, long) => `wasm.${names.get(long)}`);
  writeFileSync(glue, text.replace(`"./offhook_web_bg.js":`, 'a:'));
}

/** The module with its JavaScript, in build/, made small. */
function bind(module, tool) {
  const hash = createHash('sha256').update(readFileSync(module)).update(OPTIMIZE.join(' '));
  // The tools are named there, and told here what to do.
  hash.update(readFileSync(join(here, 'package-lock.json')));
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  const stamp = hash.digest('hex');
  const stampFile = join(build, 'stamp');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  rmSync(build, { recursive: true, force: true });
  run(tool, [
    '--target', 'web', '--omit-default-module-path', '--no-typescript', '--out-dir', build, module,
  ]);
  const bound = join(build, 'offhook_web_bg.wasm');
  const optimized = join(build, 'offhook_web.wasm');
  binaryen('wasm-opt', [...OPTIMIZE, bound, '-o', optimized]);
  rmSync(bound);
  rename(optimized);
  writeFileSync(stampFile, stamp);
}

/** The module as a statement, which has what makes the module from it inside. */
function carried() {
  const joiner = join(build, 'join.wasm');
  binaryen('wasm-as', ['--mvp-features', join(here, 'module', 'join.wat'), '-o', joiner]);
  binaryen('wasm-opt', ['--mvp-features', '-Oz', joiner, '-o', joiner]);
  const statement = carry(readFileSync(join(build, 'offhook_web.wasm')), readFileSync(joiner));
  writeFileSync(CARRIED, statement);
  return statement;
}

/** A bundle of the package, between lines of `head` and `foot`, which is text that stays as it is. */
function bundle(outfile, format, { head = '', foot = '', ...options } = {}) {
  const { outputFiles } = esbuild.buildSync({
    ...BUNDLE,
    entryPoints: ['src/entry.ts'],
    format,
    legalComments: 'none',
    logLevel: 'warning',
    minify: true,
    outfile,
    sourcemap: 'external',
    write: false,
    ...options,
  });
  const [map, bundled] = outputFiles.sort((a, b) => b.path.length - a.path.length);
  // esbuild leaves out what is not used; terser gives names that compress better.
  const { code, map: mapped } = minify_sync(bundled.text, {
    compress: { ecma: 2022, passes: 2, sequences: false },
    module: format === 'esm',
    sourceMap: { content: map.text, asObject: true },
    toplevel: format !== 'iife',
  });
  mapped.mappings = ';'.repeat(head.split('\n').length - 1) + mapped.mappings;
  const name = `${outfile}.map`;
  writeFileSync(join(here, name), JSON.stringify(mapped));
  const link = `//# sourceMappingURL=${basename(name)}`;
  writeFileSync(join(here, outfile), `${head}${code}${foot}\n${link}\n`);
}

/** With JsSIP, what `require` gives is the class or the object itself; the types know its names. */
const ITSELF = `
{
  const { default: itself, ...names } = module.exports;
  for (const [name, value] of Object.entries({ ...names, default: itself })) {
    if (!Object.hasOwn(itself, name)) Object.defineProperty(itself, name, { value });
  }
  module.exports = itself;
}
`;

/** JsSIP's files by name (`offhook/lib/UA`): each gives what the package itself has made of it. */
function library() {
  const names = readdirSync(join(here, 'src/lib')).map((name) => name.replace(/\.ts$/, ''));
  for (const [format, kind, itself] of [
    ['esm', 'js', '../offhook.js'],
    ['cjs', 'cjs', '../offhook.cjs'],
  ]) {
    const { outputFiles } = esbuild.buildSync({
      ...BUNDLE,
      entryPoints: names.map((name) => `src/lib/${name}.ts`),
      external: ['../api', '../index'],
      format,
      outdir: join(dist, 'lib'),
      outExtension: { '.js': `.${kind}` },
      write: false,
    });
    for (const { path, text } of outputFiles) {
      mkdirSync(dirname(path), { recursive: true });
      const linked = text.replace(/(['"])\.\.\/(?:api|index)\1/g, `'${itself}'`);
      writeFileSync(path, linked + (kind === 'cjs' ? ITSELF : ''));
    }
  }
}

/** The declarations, once for `import` and once for `require`: they name their neighbours by file. */
function declare() {
  const types = join(build, 'types');
  rmSync(types, { recursive: true, force: true });
  run(join(here, 'node_modules', '.bin', 'tsc'), [
    '--project', here, '--emitDeclarationOnly', '--declaration', '--outDir', types,
  ]);
  for (const name of readdirSync(types, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue;
    const text = readFileSync(join(types, name), 'utf8');
    for (const kind of ['', 'c']) {
      const file = join(dist, name.replace(/\.d\.ts$/, `.d.${kind}ts`));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text.replace(/(from |import\()(['"])(\.[^'"]*)\2/g, `$1$2$3.${kind}js$2`));
    }
  }
}

function sizes() {
  const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(11);
  console.log(`${''.padEnd(24)}${'raw'.padStart(11)}${'gzip'.padStart(11)}${'brotli'.padStart(11)}`);
  const files = [join(build, 'offhook_web.wasm')];
  for (const name of ['offhook.js', 'offhook.cjs', 'offhook.min.js']) files.push(join(dist, name));
  for (const file of files) {
    const bytes = readFileSync(file);
    const row = [bytes, gzipSync(bytes, { level: 9 }), brotliCompressSync(bytes)];
    const name = relative(here, file).padEnd(24);
    console.log(name + row.map((data) => kilobytes(data.length)).join(''));
  }
}

bind(compile(), bindgen());
rmSync(dist, { recursive: true, force: true });
const module = carried();
mkdirSync(dist);
bundle('dist/offhook.js', 'esm', { foot: module });
// As JsSIP's, what `require` gives is the object itself; and `.default`, for who asks for that.
const itself = 'module.exports=module.exports.default;module.exports.default=module.exports;';
bundle('dist/offhook.cjs', 'cjs', { foot: itself + module });
bundle('dist/offhook.min.js', 'iife', {
  head: 'var JsSIP=(()=>{\n',
  foot: `${inAscii(module)}return JsSIP.default})();`,
  globalName: 'JsSIP',
});
library();
declare();
for (const name of ['LICENSE-APACHE', 'LICENSE-MIT']) copyFileSync(join(root, name), join(here, name));
sizes();
