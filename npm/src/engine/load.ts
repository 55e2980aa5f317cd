// The WebAssembly module, which travels inside the package. It is made ready when it is first used
// and not before, so that importing the package costs nothing, and without waiting for anything.

import { Engine, initSync, memory, read, room } from 'offhook-web';
import bytes from 'offhook-web/module';

import type { Module } from './engine';

let exported: Module | undefined;

/** What `crates/web` exports. */
export function module(): Module {
  if (!exported) {
    initSync({ module: bytes() });
    exported = { Engine, memory: memory(), read, room };
  }
  return exported;
}
