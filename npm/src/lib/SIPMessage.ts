// For applications that import from JsSIP's file of this name, most of them its types.

import {
  IncomingRequest,
  IncomingResponse,
  InitialOutgoingInviteRequest,
  OutgoingRequest,
} from '../api';

export { IncomingRequest, IncomingResponse, InitialOutgoingInviteRequest, OutgoingRequest };
export default { IncomingRequest, IncomingResponse, InitialOutgoingInviteRequest, OutgoingRequest };
export type { IncomingMessage } from '../values/incoming';
