// Everything that the package exports, by JsSIP's names and some of its own.

export * as C from './values/constants';
export * as Exceptions from './values/exceptions';
export { debug } from './debug';
export { jssipVersion, name, version } from './version';
export { UA } from './ua';
export { WebSocketInterface } from './web_socket_interface';
export { RTCSession } from './session/rtc_session';
export { SessionEndedError } from './session/modern';
