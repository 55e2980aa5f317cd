// For applications that import from JsSIP's file of this name, most of them its types.

export { UA, UA as default } from '../api';
export type * from '../ua_types';
export type { CallOptions } from '../session/options';
export type { UAStatus } from '../ua';
