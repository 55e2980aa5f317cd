// What the build puts beside the TypeScript: crates/web, and the JavaScript that wasm-bindgen makes
// for it. `engine.ts` says what is in it.

declare module 'offhook-web' {
  type Module = import('./engine').Module;

  /** Makes the module's functions work. */
  export function initSync(options: { module: Uint8Array<ArrayBuffer> }): void;
  export const Engine: Module['Engine'];
  export function memory(): Module['memory'];
  export const read: Module['read'];
  export const room: Module['room'];
}

declare module 'offhook-web/module' {
  /** The WebAssembly module. */
  export default function bytes(): Uint8Array<ArrayBuffer>;
}
