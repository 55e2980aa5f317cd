// For applications that import from JsSIP's file of this name, most of them its types.

export { RTCSession, RTCSession as default } from '../api';
export type * from '../session/types';
export type { Status as SessionStatus } from '../engine/status';

/** What JsSIP calls the type of a peer connection. */
export type RTCPeerConnectionDeprecated = RTCPeerConnection;
