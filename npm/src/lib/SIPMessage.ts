// For applications that import types from JsSIP's file of this name.

export type { IncomingMessage, IncomingRequest, IncomingResponse } from '../values/incoming';
export type { OutgoingRequest } from '../values/outgoing';
