// What carries messages to a server: `WebSocketInterface`, or an object of the application's own.

import { isFunction, isString } from './values/utils';
import { URI } from './values/uri';

/** A way to a server, which carries one SIP message at a time. The application may bring its own. */
export interface Socket {
  /** What the Via header says: `WS` or `WSS`. */
  via_transport: string;
  /** Where it leads, for people and logs. */
  readonly url: string;
  /** The same as a SIP URI, for a preloaded Route. */
  readonly sip_uri: string;

  /** Calls `onconnect` when it stands, and `ondisconnect` when that fails. */
  connect(): void;
  disconnect(): void;
  /** Whether it was sent. */
  send(message: string | ArrayBufferLike | Blob | ArrayBufferView): boolean;
  isConnected(): boolean;
  isConnecting(): boolean;

  /** These three are set by the user agent, and called by the socket. */
  onconnect(): void;
  ondisconnect(error: boolean, code?: number, reason?: string): void;
  ondata<T>(event: T): void;
}

/** A socket and how much it is preferred: the highest weight first, chance among equals. */
export interface WeightedSocket {
  socket: Socket;
  /** Default: 0. */
  weight: number;
}

/** Whether an object can be used as a socket. */
export function isSocket(candidate: unknown): candidate is Socket {
  if (candidate === undefined || candidate === null || Array.isArray(candidate)) return false;
  const socket = candidate as Partial<Socket>;
  try {
    return (
      isString(socket.url) &&
      isString(socket.via_transport) &&
      isString(socket.sip_uri) &&
      URI.parse(socket.sip_uri) !== undefined &&
      isFunction(socket.connect) &&
      isFunction(socket.disconnect) &&
      isFunction(socket.send)
    );
  } catch {
    // A getter of the application's own has thrown.
    return false;
  }
}
