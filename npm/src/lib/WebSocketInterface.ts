// For applications that import from JsSIP's file of this name.

export { WebSocketInterface } from '../api';
