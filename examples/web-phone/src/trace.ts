// What goes over the WebSocket, seen on its way.

import { WebSocketInterface } from 'offhook';

/** One SIP message. */
export interface WireMessage {
  number: number;
  at: Date;
  sent: boolean;
  /** `INVITE`, or `200 OK`. */
  title: string;
  /** The status of a response. */
  status?: number;
  /** The method; of a response, that of its request. */
  method: string;
  callId: string;
  /** What it brings, in a word: `SDP`, `DTMF`, `ICE`. */
  brings?: string;
  /** All of it, its secrets hidden. */
  text: string;
}

export type Tell = (message: WireMessage) => void;

/** Bodies by their type. */
const KINDS: Partial<Record<string, string>> = {
  'application/sdp': 'SDP',
  'application/dtmf-relay': 'DTMF',
  'application/dtmf': 'DTMF',
  'application/trickle-ice-sdpfrag': 'ICE',
};

let count = 0;

/** What is worth knowing about a message; nothing for a keep-alive. */
export function read(data: unknown, sent: boolean): WireMessage | undefined {
  const whole = typeof data === 'string' ? data : decoded(data);
  if (!whole?.trim()) return undefined;
  const [first = ''] = whole.split('\r\n', 1);
  const header = (name: string) =>
    new RegExp(`^(?:${name})[ \\t]*:[ \\t]*(.*)$`, 'im').exec(whole)?.[1]?.trim() ?? '';
  const [, code, reason] = /^SIP\/2\.0 (\d{3}) ?(.*)$/.exec(first) ?? [];
  const method = header('CSeq').split(/\s+/)[1] ?? first.split(' ', 1)[0] ?? '';
  count += 1;
  const brings = KINDS[header('Content-Type|c').split(';', 1)[0]?.trim().toLowerCase() ?? ''];
  return {
    number: count,
    at: new Date(),
    sent,
    title: code ? `${code} ${reason ?? ''}`.trim() : method,
    ...(code && { status: Number(code) }),
    method,
    callId: header('Call-ID|i'),
    ...(brings && { brings }),
    text: masked(whole),
  };
}

function decoded(data: unknown): string | undefined {
  return data instanceof ArrayBuffer ? new TextDecoder().decode(data) : undefined;
}

/** Takes out what would let a reader sign in, or listen. */
export function masked(text: string): string {
  return text
    .replace(/^((?:Proxy-)?Authorization[ \t]*:[ \t]*\S+).*(?:\r\n[ \t].*)*$/gim, '$1 (hidden)')
    .replace(/^(a=ice-pwd:|a=crypto:\d+ \S+ ).*$/gim, '$1(hidden)');
}

type Ondisconnect = (error: boolean, code?: number, reason?: string) => void;

/** A WebSocket for a user agent, which tells each message that goes through. */
export class TracedSocket {
  onconnect: () => void = () => {};
  ondisconnect: Ondisconnect = () => {};
  ondata: (data: unknown) => void = () => {};
  readonly #socket: WebSocketInterface;
  readonly #tell: Tell;

  constructor(url: string, tell: Tell) {
    this.#tell = tell;
    this.#socket = new WebSocketInterface(url);
    this.#socket.onconnect = () => this.onconnect();
    this.#socket.ondisconnect = (...why: Parameters<Ondisconnect>) => this.ondisconnect(...why);
    this.#socket.ondata = (data: unknown) => {
      this.#see(data, false);
      this.ondata(data);
    };
  }

  get via_transport(): string {
    return this.#socket.via_transport;
  }

  set via_transport(value: string) {
    this.#socket.via_transport = value;
  }

  get url(): string {
    return this.#socket.url;
  }

  get sip_uri(): string {
    return this.#socket.sip_uri;
  }

  connect(): void {
    this.#socket.connect();
  }

  disconnect(): void {
    this.#socket.disconnect();
  }

  isConnected(): boolean {
    return this.#socket.isConnected();
  }

  isConnecting(): boolean {
    return this.#socket.isConnecting();
  }

  send(message: Parameters<WebSocketInterface['send']>[0]): boolean {
    const sent = this.#socket.send(message);
    if (sent) this.#see(message, true);
    return sent;
  }

  #see(data: unknown, sent: boolean): void {
    const message = read(data, sent);
    if (message) this.#tell(message);
  }
}
