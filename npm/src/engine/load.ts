// The WebAssembly module, which travels inside the package. It is made ready when it is first used
// and not before, so that importing the package costs nothing, and without waiting for anything.

import { Engine, initSync, read, room } from 'offhook-web';
import bytes from 'offhook-web/module';

import type { Module } from './engine';

let exported: Module | undefined;

/** What `crates/web` exports. */
export function module(): Module {
  return (exported ??= {
    Engine,
    memory: initSync({ module: bytes() }).memory,
    read,
    room,
  });
}
