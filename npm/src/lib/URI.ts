// For applications that import from JsSIP's file of this name.

export { URI, URI as default } from '../api';
