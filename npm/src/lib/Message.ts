// For applications that import from JsSIP's file of this name.

export { Message, Message as default } from '../api';
export type * from '../message';
