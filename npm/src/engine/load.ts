// The WebAssembly module, which travels inside the package. It is made ready when it is first used
// and not before, so that importing the package costs nothing, and without waiting for anything.

import { Engine, initSync, parse, parseMessage } from 'offhook-web';
import bytes from 'offhook-web/module';

import type { Module } from './engine';

const exported: Module = { Engine, parse, parseMessage };
let isReady = false;

/** What `crates/web` exports. */
export function module(): Module {
  if (!isReady) {
    initSync({ module: bytes() });
    isReady = true;
  }
  return exported;
}
