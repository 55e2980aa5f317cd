// The socket that applications use: a browser's WebSocket with the subprotocol `sip` (RFC 7118).

import { logger } from './debug';
import type { Socket } from './socket';

const log = logger('WebSocketInterface');

/** Scheme, host and port of a WebSocket URL, as they were written. */
const WEB_SOCKET_URL =
  /^(wss?):\/\/(?:[^/?#@\s]*@)?(\[[\da-f:.]+\]|[^/?#@:[\]\s]+)(?::(\d+))?(?:[/?][^#]*)?$/i;

export class WebSocketInterface implements Socket {
  /** @internal */
  _url: string;
  /** @internal */
  _sip_uri: string;
  /** @internal */
  _via_transport: string;
  /** @internal Applications are known to send keep-alives over it. */
  _ws: WebSocket | null;

  /** `url`: `ws://…` or `wss://…`; anything else is a TypeError. */
  constructor(url: string) {
    const [, scheme, host, port] = WEB_SOCKET_URL.exec(url) ?? [];
    if (!scheme || !host || !isUrl(url)) throw new TypeError(`Invalid argument: ${url}`);
    this._url = url;
    this._sip_uri = `sip:${host.toLowerCase()}${port ? `:${Number(port)}` : ''};transport=ws`;
    this._via_transport = scheme.toUpperCase();
    // Errors show sockets as JSON: the order is JsSIP's.
    this._ws = null;
  }

  get via_transport(): string {
    return this._via_transport;
  }
  set via_transport(value: string) {
    this._via_transport = value.toUpperCase();
  }

  get sip_uri(): string {
    return this._sip_uri;
  }

  get url(): string {
    return this._url;
  }

  onconnect(): void {}
  ondisconnect(_error: boolean, _code?: number, _reason?: string): void {}
  ondata<T>(_event: T): void {}

  connect(): void {
    if (this.isConnected() || this.isConnecting()) return;
    if (this._ws) this.disconnect();
    log.debug('connecting to WebSocket %s', this._url);
    let ws: WebSocket;
    try {
      ws = new WebSocket(this._url, 'sip');
    } catch (error) {
      log.warn('WebSocket %s cannot be made: %o', this._url, error);
      return this.ondisconnect(true, undefined, String(error));
    }
    ws.binaryType = 'arraybuffer';
    ws.onopen = () => this.onconnect();
    ws.onclose = ({ wasClean, code, reason }) => {
      log.debug('WebSocket %s closed', this._url);
      this.ondisconnect(!wasClean, code, reason);
    };
    ws.onmessage = ({ data }) => this.ondata(data);
    ws.onerror = (error) => log.warn('WebSocket %s error: %o', this._url, error);
    this._ws = ws;
  }

  disconnect(): void {
    const ws = this._ws;
    if (!ws) return;
    this._ws = null;
    ws.onopen = ws.onclose = ws.onmessage = ws.onerror = null;
    ws.close();
  }

  send(message: string | ArrayBufferLike | Blob | ArrayBufferView): boolean {
    if (!this._ws || !this.isConnected()) return false;
    this._ws.send(message as string);
    return true;
  }

  isConnected(): boolean {
    return this._ws !== null && this._ws.readyState === this._ws.OPEN;
  }

  isConnecting(): boolean {
    return this._ws !== null && this._ws.readyState === this._ws.CONNECTING;
  }
}

function isUrl(url: string): boolean {
  try {
    return Boolean(new URL(url));
  } catch {
    return false;
  }
}
