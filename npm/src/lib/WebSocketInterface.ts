// For applications that import from JsSIP's file of this name.

export { WebSocketInterface, WebSocketInterface as default } from '../api';
