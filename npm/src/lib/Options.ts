// For applications that import from JsSIP's file of this name.

export { Options, Options as default } from '../api';
export type { SendOptionsOptions } from '../options';
