// For applications that import from JsSIP's file of this name.

export { NameAddrHeader, NameAddrHeader as default } from '../api';
