// For applications that import from JsSIP's file of this name.

export * from '../values/constants';
export { C as default } from '../api';
