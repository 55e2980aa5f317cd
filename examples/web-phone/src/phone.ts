// The user agent and its calls, without anything that is seen.

import { UA } from 'offhook';
import { Call, type Referral, type Session } from './call';
import type { Account } from './config';
import { Emitter } from './emitter';
import { capture } from './media';
import { TracedSocket, type WireMessage } from './trace';

/** How the phone stands with its server. */
export type Line =
  | { state: 'off' }
  | { state: 'connecting'; account: Account }
  | { state: 'ready'; account: Account }
  /** It tries again by itself. */
  | { state: 'lost'; account: Account }
  | { state: 'refused'; account: Account; why: string };

interface PhoneEvents {
  line: Line;
  /** A call was added, has changed, or is gone. */
  calls: void;
  incoming: Call;
  ended: Call;
  notice: string;
  referral: { call: Call; referral: Referral };
  message: WireMessage;
}

interface NewSession {
  originator: string;
  session: Session;
  request: { body?: unknown };
}

/** More calls than anybody talks to; others hear that it is busy. */
const MOST_CALLS = 4;

export class Phone extends Emitter<PhoneEvents> {
  line: Line = { state: 'off' };
  /** Those that have not ended, the oldest first. */
  readonly calls: Call[] = [];
  #ua: UA | undefined;
  /** The browser is asking its user for the microphone: one question at a time. */
  #asking = false;

  /** Connects and registers. Throws when the account cannot be one. */
  signIn(account: Account): void {
    this.signOut();
    const socket = new TracedSocket(account.server, (message) => this.emit('message', message));
    const ua = new UA({
      sockets: [socket],
      uri: account.address,
      password: account.password,
      user_agent: 'Offhook web phone',
      ...(account.displayName && { display_name: account.displayName }),
    });
    this.#ua = ua;
    this.#become({ state: 'connecting', account });
    const mine = (listener: () => void) => () => {
      // One that was left says goodbye for a while.
      if (this.#ua === ua) listener();
    };
    ua.on('registered', mine(() => this.#become({ state: 'ready', account })));
    ua.on('unregistered', mine(() => this.#become({ state: 'connecting', account })));
    ua.on('disconnected', mine(() => this.#become({ state: 'lost', account })));
    ua.on('registrationFailed', ({ cause, response }) => {
      if (this.#ua !== ua) return;
      if (!response) return this.#become({ state: 'lost', account });
      const why = refusal(response.status_code, String(cause));
      this.#become({ state: 'refused', account, why });
    });
    ua.on('newRTCSession', ({ originator, session, request }: NewSession) => {
      if (this.#ua === ua && originator === 'remote') this.#ring(session, request.body);
    });
    ua.start();
  }

  /** Ends every call, and the registration. */
  signOut(): void {
    const ua = this.#ua;
    this.#ua = undefined;
    for (const call of [...this.calls]) call.hangUp();
    ua?.stop();
    this.#become({ state: 'off' });
  }

  /** Calls somebody: an address, or a name or number at our own server. */
  async call(target: string, video = false): Promise<Call | undefined> {
    const [ua, line] = [this.#ua, this.line];
    if (!ua || line.state === 'off' || this.#asking) return undefined;
    if (this.calls.length >= MOST_CALLS) {
      this.emit('notice', 'There are enough calls. End one before the next.');
      return undefined;
    }
    this.#asking = true;
    const local = await capture(video).finally(() => (this.#asking = false));
    // Whoever has signed out meanwhile calls nobody.
    if (this.#ua !== ua) return stop(local);
    for (const other of this.calls) other.hold();
    try {
      const session = ua.call(target.trim().replace(/\s+/g, ''), {
        mediaStream: local,
        pcConfig: this.#pcConfig(),
      });
      return this.#adopt(session, local, video);
    } catch (error) {
      stop(local);
      throw error;
    }
  }

  #ring(session: Session, body: unknown): void {
    if (this.#find(session)) return;
    if (this.calls.length >= MOST_CALLS) return session.terminate({ status_code: 486 });
    const offersVideo = /^m=video [1-9]/m.test(String(body ?? ''));
    this.emit('incoming', this.#adopt(session, undefined, offersVideo));
  }

  #adopt(session: Session, local?: MediaStream, offersVideo = false): Call {
    const found = this.#find(session);
    if (found) return found;
    const call = new Call(session, {
      tones: this.line.state === 'off' ? 'INFO' : this.line.account.tones,
      pcConfig: this.#pcConfig(),
      offersVideo,
      ...(local && { local }),
    });
    this.calls.push(call);
    call.on('change', () => this.emit('calls', undefined));
    call.on('notice', (words) => this.emit('notice', words));
    call.on('referral', (referral) => this.emit('referral', { call, referral }));
    call.on('replaced', ({ session: next }) => {
      // They agreed on it among themselves: nobody is asked to answer again.
      const heir = this.#adopt(next);
      queueMicrotask(() => void heir.answer(call.camera !== undefined));
    });
    call.on('referred', ({ session: next, local }) => this.#adopt(next, local));
    call.on('ended', () => {
      this.calls.splice(this.calls.indexOf(call), 1);
      this.emit('ended', call);
      this.emit('calls', undefined);
    });
    this.emit('calls', undefined);
    return call;
  }

  #find(session: Session): Call | undefined {
    return this.calls.find((call) => call.session === session);
  }

  #pcConfig(): RTCConfiguration {
    const urls = this.line.state === 'off' ? [] : this.line.account.iceServers;
    return urls.length ? { iceServers: [{ urls }] } : {};
  }

  #become(line: Line): void {
    this.line = line;
    this.emit('line', line);
  }
}

function stop(stream: MediaStream): undefined {
  for (const track of stream.getTracks()) track.stop();
}

function refusal(status: number, cause: string): string {
  switch (status) {
    case 401:
    case 403:
    case 407:
      return 'The server does not take this address and password.';
    case 404:
      return 'The server does not know this address.';
    default:
      return `The server refuses to register this address: ${status} ${cause}.`;
  }
}
