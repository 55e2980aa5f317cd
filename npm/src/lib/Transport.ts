// For applications that import from JsSIP's file of this name, most of them its types.

export { Transport, Transport as default } from '../api';
export type { RecoveryOptions } from '../transport';
