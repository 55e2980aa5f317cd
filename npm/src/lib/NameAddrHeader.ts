// For applications that import from JsSIP's file of this name.

export { NameAddrHeader } from '../api';
