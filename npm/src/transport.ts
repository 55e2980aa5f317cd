// The sockets of a user agent, of which one at a time is connected. When to connect, and how long
// to wait before, is the engine's to say; which socket it is, is chosen here: the highest weight
// first, chance among equals, those that failed not before all have.

import { logger } from './debug';
import { isSocket } from './socket';
import type { Socket, WeightedSocket } from './socket';

const log = logger('Transport');

export interface RecoveryOptions {
  /** Seconds. */
  min_interval: number;
  max_interval: number;
}

export interface ConnectingEvent {
  socket: Socket;
  /** How many attempts have failed since the last connection. */
  attempts: number;
}

export interface ConnectedEvent {
  /** The `Transport`, as in JsSIP. */
  socket: Socket;
}

export interface DisconnectEvent {
  socket: Socket;
  /** Whether it was not closed in order. */
  error: boolean;
  code?: number;
  reason?: string;
}

/** Whom the transport tells. A flow is one connection of one socket. */
export interface TransportSink {
  connecting(event: ConnectingEvent): void;
  opened(flow: number, transport: string): void;
  lost(flow: number, reason: string): void;
  received(flow: number, message: string | Uint8Array): void;
  /** It was closed while the engine knew of no flow. */
  closed(event: DisconnectEvent): void;
}

const Status = { CONNECTED: 0, CONNECTING: 1, DISCONNECTED: 2 } as const;
const SocketStatus = { READY: 0, ERROR: 1 } as const;

interface Candidate {
  socket: Socket;
  weight: number;
  status: 0 | 1;
}

/** A keep-alive (RFC 7118 section 6). */
const PING = '\r\n\r\n';

export class Transport implements Socket {
  /** @internal Vue leaves it as it is. */
  readonly __v_skip = true;

  /** 0: connected, 1: connecting, 2: disconnected. */
  status: 0 | 1 | 2 = Status.DISCONNECTED;
  /** The socket in use, or the last one. */
  socket!: Socket;
  sockets: Candidate[] = [];
  recovery_options: RecoveryOptions;
  recover_attempts = 0;
  /** Whether the application has closed it. */
  close_requested = false;

  /** How the last connection ended, until it is told. */
  private _loss: DisconnectEvent | undefined;
  private _sink: TransportSink;
  /** The flow that the engine wants to have, or has. */
  private _flow: number | undefined;

  /** Throws a TypeError where a socket is none, or its weight is no number. */
  constructor(
    sockets: Socket | (Socket | Partial<WeightedSocket>)[],
    recovery: RecoveryOptions,
    sink: TransportSink,
  ) {
    this.recovery_options = recovery;
    this._sink = sink;
    for (const entry of Array.isArray(sockets) ? sockets : [sockets]) {
      const { socket, weight } = isSocket(entry) ? { socket: entry, weight: 0 } : entry;
      if (!isSocket(socket)) throw new TypeError('Invalid argument. invalid socket');
      if (weight && !Number(weight)) throw new TypeError('Invalid argument. weight is no number');
      this.sockets.push({ socket, weight: Number(weight) || 0, status: SocketStatus.READY });
    }
    if (this.sockets.length === 0) throw new TypeError('Invalid argument. no socket');
    this._choose();
  }

  get via_transport(): string {
    return this.socket.via_transport;
  }

  get url(): string {
    return this.socket.url;
  }

  get sip_uri(): string {
    return this.socket.sip_uri;
  }

  onconnect(): void {}
  ondisconnect(_error: boolean, _code?: number, _reason?: string): void {}
  ondata<T>(_event: T): void {}

  isConnected(): boolean {
    return this.status === Status.CONNECTED;
  }

  isConnecting(): boolean {
    return this.status === Status.CONNECTING;
  }

  /** Takes back a `disconnect()`: the connection is made as soon as the user agent wants one. */
  connect(): void {
    this.close_requested = false;
    if (this.status === Status.DISCONNECTED && this._flow !== undefined) this._connect(this._flow);
  }

  /** Closes the connection, and makes no other before `connect()`. */
  disconnect(): void {
    this.close_requested = true;
    this._shut({ socket: this.socket, error: false });
  }

  /** Whether it was sent. */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): boolean {
    if (!this.isConnected()) {
      log.warn('unable to send message, transport is not connected');
      return false;
    }
    const message = typeof data === 'object' && 'byteLength' in data ? data : String(data);
    log.debug('sending message:\n\n%s\n', message);
    try {
      return this.socket.send(message);
    } catch (error) {
      log.warn('the socket failed to send: %o', error);
      return false;
    }
  }

  // What follows is the user agent's.

  /** @internal The engine wants a connection, and calls it `flow`. */
  _open(flow: number): void {
    this._flow = flow;
    if (!this.close_requested) this._connect(flow);
  }

  /** @internal */
  _deliver(flow: number, message: string | Uint8Array): void {
    if (flow !== this._flow || !this.isConnected()) return;
    // A socket that cannot send has lost its peer, though it may take its time to say so.
    if (this.send(message)) return;
    const { socket } = this;
    socket.onconnect = socket.ondisconnect = socket.ondata = () => {};
    this._disconnect(socket);
    this._lost(flow, true, undefined, 'the socket could not send');
  }

  /** @internal */
  _ping(flow: number): void {
    this._deliver(flow, PING);
  }

  /** @internal The engine has no use for the connection any more: it is stopped, or found it dead. */
  _close(flow: number): void {
    if (flow !== this._flow) return;
    this._flow = undefined;
    this._mark(SocketStatus.ERROR);
    this._release();
    this._disconnect(this.socket);
  }

  /** @internal The user agent has stopped. Gives the flow that was cut, if one was. */
  _finish(): number | undefined {
    this.close_requested = false;
    for (const candidate of this.sockets) candidate.status = SocketStatus.READY;
    const { socket } = this;
    const flow = this.status === Status.DISCONNECTED ? undefined : this._flow;
    this._release();
    if (flow !== undefined) this._disconnect(socket);
    this._flow = this._loss = undefined;
    this.recover_attempts = 0;
    this._sink.closed({ socket, error: false });
    return flow;
  }

  /** @internal How the connection ended that the engine has told about. */
  _takeLoss(reason: string): DisconnectEvent {
    const { _loss: loss, socket } = this;
    this._loss = undefined;
    return loss ?? { socket, error: true, code: undefined, reason };
  }

  private _connect(flow: number): void {
    // The first one is chosen at once, so that it can be asked for its address.
    if (this._candidate()?.status !== SocketStatus.READY || this.recover_attempts > 0) {
      this._choose();
    }
    this.status = Status.CONNECTING;
    this._sink.connecting({ socket: this.socket, attempts: this.recover_attempts });
    // A listener may have stopped it all.
    if (this.status !== Status.CONNECTING || this._flow !== flow) return;
    const socket = this.socket;
    const current = () => this._flow === flow && this.socket === socket;
    socket.onconnect = () => {
      if (current() && this.status === Status.CONNECTING) this._connected(flow);
    };
    socket.ondisconnect = (error, code, reason) => {
      if (current()) this._lost(flow, error, code, reason);
    };
    socket.ondata = (data) => {
      if (current() && this.isConnected()) this._data(flow, data);
    };
    try {
      socket.connect();
    } catch (error) {
      log.warn('the socket failed to connect: %o', error);
      if (current()) this._lost(flow, true, undefined, String(error));
    }
  }

  private _connected(flow: number): void {
    this.recover_attempts = 0;
    this.status = Status.CONNECTED;
    this._sink.opened(flow, this.via_transport);
  }

  private _lost(flow: number, error: boolean, code?: number, reason?: string): void {
    if (this.status === Status.DISCONNECTED) return;
    this._loss = { socket: this.socket, error, code, reason };
    this._flow = undefined;
    this._mark(SocketStatus.ERROR);
    this._release();
    this._sink.lost(flow, reason || (code === undefined ? 'closed' : `closed with code ${code}`));
  }

  /** Lets the socket go: what it still says is not heard. */
  private _release(): void {
    if (this.status === Status.DISCONNECTED) return;
    this.status = Status.DISCONNECTED;
    this.recover_attempts += 1;
    const { socket } = this;
    socket.onconnect = socket.ondisconnect = socket.ondata = () => {};
  }

  private _disconnect(socket: Socket): void {
    try {
      socket.disconnect();
    } catch (error) {
      log.warn('the socket failed to disconnect: %o', error);
    }
  }

  private _shut(event: DisconnectEvent): void {
    const flow = this.status === Status.DISCONNECTED ? undefined : this._flow;
    this._release();
    if (flow !== undefined) this._disconnect(event.socket);
    this.recover_attempts = 0;
    if (flow === undefined) return this._sink.closed(event);
    this._flow = undefined;
    this._loss = event;
    this._sink.lost(flow, 'closed by the application');
  }

  private _data(flow: number, data: unknown): void {
    const message = typeof data === 'string' ? data : bytesOf(data);
    if (message === undefined) return log.warn('a message of an unknown kind is dropped');
    log.debug('received message:\n\n%s\n', message);
    this._sink.received(flow, message);
  }

  private _candidate(): Candidate | undefined {
    return this.sockets.find(({ socket }) => socket === this.socket);
  }

  private _mark(status: 0 | 1): void {
    const candidate = this._candidate();
    if (candidate) candidate.status = status;
  }

  private _choose(): void {
    let ready = this.sockets.filter(({ status }) => status === SocketStatus.READY);
    if (ready.length === 0) {
      for (const candidate of this.sockets) candidate.status = SocketStatus.READY;
      ready = this.sockets;
    }
    const highest = Math.max(...ready.map(({ weight }) => weight));
    const best = ready.filter(({ weight }) => weight === highest);
    const chosen = best[Math.floor(Math.random() * best.length)];
    if (chosen) this.socket = chosen.socket;
  }
}

function bytesOf(data: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  // One that was made by another realm, such as a frame or a Node VM, counts too.
  const isBuffer = Object.prototype.toString.call(data) === '[object ArrayBuffer]';
  return isBuffer ? new Uint8Array(data as ArrayBuffer) : undefined;
}
