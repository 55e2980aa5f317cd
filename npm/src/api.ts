// Everything that the package exports, by JsSIP's names and some of its own.

import { parse } from './values/grammar';

export * as C from './values/constants';
export { debug } from './debug';
export * as Exceptions from './values/exceptions';
export { Message } from './message';
export { NameAddrHeader } from './values/name_addr';
export { Notifier } from './notifier';
export { Options } from './options';
export { Registrator } from './registrator';
export { RTCSession } from './session/rtc_session';
export { SessionEndedError } from './session/modern';
export { isSocket } from './socket';
export { Subscriber } from './subscriber';
export { Transport } from './transport';
export { UA } from './ua';
export { IncomingRequest, IncomingResponse } from './values/incoming';
export { InitialOutgoingInviteRequest, OutgoingRequest } from './values/outgoing';
export { parseMessage } from './values/parser';
export { URI } from './values/uri';
export * as Utils from './values/utils';
export { jssipVersion, name, version } from './version';
export { WebSocketInterface } from './web_socket_interface';

/** `parse(text, rule)`, where the rule is one of JsSIP's. */
export const Grammar = { parse };

export type * from './types';
