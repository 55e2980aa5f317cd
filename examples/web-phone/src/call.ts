// One call, without anything that is seen.

import { C, type UA } from 'offhook';
import type { Tones } from './config';
import { Emitter } from './emitter';
import { capture, captureCamera, MediaProblem } from './media';

export type Session = ReturnType<UA['call']>;

/** Where a call stands. */
export type CallState = 'incoming' | 'calling' | 'ringing' | 'answering' | 'talking' | 'ended';

/** Somebody at the other end wants us to call somebody else instead. */
export interface Referral {
  target: string;
  accept(): Promise<void>;
  decline(): void;
}

interface CallEvents {
  /** Anything that is seen has changed. */
  change: void;
  ended: { why: string };
  /** Something to tell, in words. */
  notice: string;
  referral: Referral;
  /** The other end put another call in this one's place. */
  replaced: { session: Session };
  /** A referral was accepted, and this is the call that it asked for. */
  referred: { session: Session; local: MediaStream };
}

export class Call extends Emitter<CallEvents> {
  state: CallState;
  readonly incoming: boolean;
  /** The SIP address at the other end. */
  readonly address: string;
  /** Its name, or the user part of the address. */
  readonly name: string;
  /** When somebody answered. */
  since: Date | undefined;
  /** Why it ended, in words. */
  why = '';
  /** Whether the caller would like to be seen, or we are. */
  readonly offersVideo: boolean;
  held = { local: false, remote: false };
  muted = false;
  /** Keys pressed during the call. */
  tones = '';
  transferring = '';
  local: MediaStream | undefined;
  readonly remote = new MediaStream();
  readonly #session: Session;
  readonly #tonesBy: Tones;
  readonly #pcConfig: RTCConfiguration;

  constructor(
    session: Session,
    options: { tones: Tones; pcConfig: RTCConfiguration; offersVideo?: boolean; local?: MediaStream },
  ) {
    super();
    this.#session = session;
    this.#tonesBy = options.tones;
    this.#pcConfig = options.pcConfig;
    this.local = options.local;
    this.offersVideo = options.offersVideo ?? false;
    this.incoming = String(session.direction) === 'incoming';
    this.state = this.incoming ? 'incoming' : 'calling';
    const peer = session.remote_identity;
    this.address = peer.uri.toString();
    this.name = peer.display_name || peer.uri.user || this.address;
    this.#listen();
  }

  get id(): string {
    return this.#session.id;
  }

  get session(): Session {
    return this.#session;
  }

  get connection(): RTCPeerConnection | undefined {
    return this.#session.connection ?? undefined;
  }

  get isOver(): boolean {
    return this.state === 'ended';
  }

  /** Whether our picture goes out. */
  get camera(): MediaStreamTrack | undefined {
    return this.local?.getVideoTracks().find((track) => track.readyState === 'live');
  }

  async answer(video: boolean): Promise<void> {
    if (this.state !== 'incoming') return;
    this.#become('answering');
    try {
      this.local ??= await capture(video);
      // The caller may have given up meanwhile.
      if (this.isOver) return this.#release();
      this.#session.answer({ mediaStream: this.local, pcConfig: this.#pcConfig });
    } catch (error) {
      this.emit('notice', words(error));
      if (!this.isOver) this.#become('incoming');
    }
  }

  /** Ends the call, whatever it is at: cancels, declines or hangs up. */
  hangUp(): void {
    if (this.isOver) return;
    this.#session.terminate(this.state === 'incoming' ? { status_code: 603 } : undefined);
  }

  toggleHold(): void {
    const done = this.held.local ? this.#session.unhold() : this.#session.hold();
    if (!done) this.emit('notice', 'The call is busy with another change. Try again in a moment.');
  }

  /** Puts it on hold unless it is; for those who talk to somebody else now. */
  hold(): void {
    if (this.state === 'talking' && !this.held.local) this.toggleHold();
  }

  toggleMute(): void {
    if (this.muted) this.#session.unmute({ audio: true });
    else this.#session.mute({ audio: true });
  }

  /** Sends one of `0-9*#A-D`. */
  tone(tone: string): void {
    if (this.state !== 'talking') return;
    this.tones = (this.tones + tone).slice(-32);
    this.#session.sendDTMF(tone, { transportType: C.DTMF_TRANSPORT[this.#tonesBy] });
    this.emit('change', undefined);
  }

  /** Shows our picture, or no longer. */
  async toggleCamera(): Promise<void> {
    const connection = this.connection;
    if (!connection || this.state !== 'talking') return;
    if (!this.#session.isReadyToReOffer()) {
      return this.emit('notice', 'The call is busy with another change. Try again in a moment.');
    }
    const there = connection
      .getTransceivers()
      .find(({ receiver, mid, direction }) =>
          receiver.track.kind === 'video' && mid !== null && direction !== 'stopped');
    const camera = this.camera;
    if (camera) {
      camera.stop();
      this.local?.removeTrack(camera);
      await there?.sender.replaceTrack(null);
      if (there) there.direction = 'recvonly';
    } else {
      const track = await captureCamera().catch((error: unknown) => {
        this.emit('notice', words(error));
      });
      if (!track) return;
      if (this.isOver || !this.local) return track.stop();
      this.local.addTrack(track);
      if (there) {
        await there.sender.replaceTrack(track);
        there.direction = 'sendrecv';
      } else {
        connection.addTrack(track, this.local);
      }
    }
    if (!this.#session.renegotiate()) {
      this.emit('notice', 'The picture could not be changed now. Try again in a moment.');
    }
    this.emit('change', undefined);
  }

  /** Connects the other end with `target`; we leave when they talk. */
  transfer(target: string): void {
    this.#refer(target, {});
  }

  /** Connects the other end with that of `other`, which we have talked to. */
  transferTo(other: Call): void {
    this.#refer(other.#session.remote_identity.uri, { replaces: other.#session }, other.name);
  }

  #refer(
    target: Parameters<Session['refer']>[0],
    options: NonNullable<Parameters<Session['refer']>[1]>,
    name = String(target),
  ): void {
    const over = (words: string) => {
      this.transferring = '';
      this.emit('notice', words);
      this.emit('change', undefined);
    };
    this.#session.refer(target, {
      ...options,
      eventHandlers: {
        accepted: () => {
          over(`${this.name} talks to ${name} now.`);
          this.hangUp();
        },
        failed: () => over(`${name} did not take the call.`),
        requestFailed: () => over(`${this.name} does not take transfers.`),
      },
    });
    this.transferring = name;
    this.emit('change', undefined);
  }

  #listen(): void {
    const session = this.#session;
    if (session.connection) this.#take(session.connection);
    session.on('peerconnection', ({ peerconnection }) => this.#take(peerconnection));
    session.on('progress', () => {
      if (this.state === 'calling') this.#become('ringing');
    });
    session.on('accepted', () => this.#talk());
    session.on('confirmed', () => this.#talk());
    session.on('ended', ({ cause }) => this.#end(cause));
    session.on('failed', ({ cause }) => this.#end(cause));
    for (const event of ['hold', 'unhold'] as const) {
      session.on(event, () => {
        const { local, remote } = session.isOnHold();
        this.held = { local, remote };
        this.emit('change', undefined);
      });
    }
    for (const event of ['muted', 'unmuted'] as const) {
      session.on(event, () => {
        this.muted = session.isMuted().audio === true;
        this.emit('change', undefined);
      });
    }
    session.on('getusermediafailed', (error: unknown) => this.emit('notice', words(error)));
    session.on('refer', ({ request, accept, reject }) => {
      const { refer_to: to } = request as unknown as { refer_to: { uri: object } };
      this.emit('referral', {
        // Without the call that it is to replace.
        target: String(to.uri).replace(/[;?].*$/, ''),
        accept: async () => {
          const local = await capture(false);
          const init = (session: Session) => this.emit('referred', { session, local });
          const options = { mediaStream: local, pcConfig: this.#pcConfig };
          (accept as (init: (session: Session) => void, options: object) => void)(init, options);
        },
        decline: () => reject(),
      });
    });
    // The dialog that it names is the proof that it may.
    session.on('replaces', ({ accept }) => {
      const init = (next: Session) => this.emit('replaced', { session: next });
      (accept as (init: (next: Session) => void) => void)(init);
    });
  }

  #take(connection: RTCPeerConnection): void {
    connection.addEventListener('track', ({ track }) => {
      this.remote.addTrack(track);
      const told = () => this.emit('change', undefined);
      track.addEventListener('mute', told);
      track.addEventListener('unmute', told);
      track.addEventListener('ended', () => {
        this.remote.removeTrack(track);
        told();
      });
      told();
    });
  }

  #talk(): void {
    if (this.state === 'talking' || this.isOver) return;
    this.since = new Date();
    this.#become('talking');
  }

  #end(cause: string): void {
    if (this.isOver) return;
    this.why = ending(cause, this.name, this.since !== undefined);
    this.#become('ended');
    this.#release();
    this.emit('ended', { why: this.why });
  }

  #become(state: CallState): void {
    this.state = state;
    this.emit('change', undefined);
  }

  #release(): void {
    for (const track of this.local?.getTracks() ?? []) track.stop();
  }
}

export function words(error: unknown): string {
  if (error instanceof MediaProblem) return error.message;
  return `Something went wrong: ${error instanceof Error ? error.message : String(error)}`;
}

/** A cause in words. */
function ending(cause: string, name: string, talked: boolean): string {
  switch (cause) {
    case 'Terminated':
      return 'Call ended';
    case 'Canceled':
      return 'Call cancelled';
    case 'Busy':
      return `${name} is busy`;
    case 'Rejected':
      return talked ? 'Call ended' : `${name} declined`;
    case 'Unavailable':
      return `${name} is not there now`;
    case 'No Answer':
    case 'Expires':
      return 'Nobody answered';
    case 'Not Found':
      return `There is no ${name} here`;
    case 'Address Incomplete':
      return 'The number is not complete';
    case 'Connection Error':
    case 'Request Timeout':
      return 'The server cannot be reached';
    case 'Authentication Error':
      return 'The server did not take the password';
    case 'User Denied Media Access':
      return 'The microphone may not be used';
    case 'RTP Timeout':
      return 'The connection was lost';
    case 'Incompatible SDP':
    case 'Missing SDP':
    case 'Bad Media Description':
      return `${name} uses another kind of sound`;
    default:
      return `Call ended: ${cause}`;
  }
}
