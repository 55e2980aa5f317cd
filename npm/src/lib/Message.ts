// For applications that import from JsSIP's file of this name.

export { Message } from '../api';
export type * from '../message';
