// For applications that import from JsSIP's file of this name.

export { Registrator, Registrator as default } from '../api';
export type { ExtraContactParams } from '../registrator';
