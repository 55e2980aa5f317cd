// The media of a session: carries out what the engine asks of the peer connection, one step after
// the other, and reports. It knows no SIP.

import type { MediaRow, MediaStep, ReportRow } from '../engine/rows';
import { logger } from '../debug';
import { HeldDirections } from './held_directions';

const log = logger('RTCSession:peer');

type ConnectionReport = 'connecting' | 'connected' | 'disconnected' | 'failed';

/** Where the local media comes from, and how descriptions are made. */
export interface PeerSettings {
  /** The application's stream; without one, `constraints` say what to capture. */
  stream: MediaStream | undefined;
  /** What the engine says, where there are none. */
  constraints: MediaStreamConstraints | undefined;
  offer: RTCOfferOptions | undefined;
  answer: RTCAnswerOptions | undefined;
}

export class Peer {
  readonly connection: RTCPeerConnection;
  /** For the offers of a `renegotiate()`. */
  offerOptions: RTCOfferOptions | undefined;

  #settings: PeerSettings;
  #report: (...report: ReportRow) => void;
  #steps: Promise<void> = Promise.resolve();
  #closed = false;
  /** What was captured here, and is to be let go here. */
  #captured: MediaStream | undefined;
  #enabled = { audio: true, video: true };
  #held = new HeldDirections();
  #errors = new Map<MediaStep, unknown>();

  #setting = false;
  /** Whether the description that was made last gathers anew. */
  #restarts = false;
  #early: RTCIceCandidate[] = [];
  #candidate: RTCIceCandidate | undefined;
  #gathering = 0;
  #complete = false;
  /** An earlier description left before all was gathered: a later one need not wait either. */
  #hasty = false;
  #state: ConnectionReport | undefined;
  #listeners: [string, (event: Event) => void][] = [];

  constructor(
    connection: RTCPeerConnection,
    settings: PeerSettings,
    report: (...report: ReportRow) => void,
  ) {
    this.connection = connection;
    this.#settings = settings;
    this.#report = (...row) => {
      if (!this.#closed) report(...row);
    };
    this.#listen('icecandidate', (event) =>
      this.#gathered((event as RTCPeerConnectionIceEvent).candidate),
    );
    this.#listen('icegatheringstatechange', () => this.#gatheringChanged());
    this.#listen('iceconnectionstatechange', () => this.#connectionChanged());
    this.#listen('connectionstatechange', () => this.#connectionChanged());
  }

  /** What the step failed with, once. */
  takeError(step: MediaStep): unknown {
    const error = this.#errors.get(step);
    this.#errors.delete(step);
    return error;
  }

  /** The candidate that is being reported. */
  get candidate(): RTCIceCandidate | undefined {
    return this.#candidate;
  }

  /** The local media: the application's, or what was captured. */
  get stream(): MediaStream | undefined {
    return this.#settings.stream ?? this.#captured;
  }

  /** Names the description that is gathered for. */
  get gathering(): number {
    return this.#gathering;
  }

  carryOut(...request: MediaRow): void {
    if (this.#closed) return;
    switch (request[0]) {
      case 'open':
        return this.#report('opened');
      case 'capture':
        return this.#step('capture', () => this.#capture(request[1], request[2]));
      case 'createOffer':
        return this.#step('createOffer', () => this.#createOffer(request[1]));
      case 'createAnswer':
        return this.#step('createAnswer', () => this.#createAnswer());
      case 'setLocal':
        return this.#step('setLocal', () => this.#setLocal(request[1], request[2]));
      case 'setRemote':
        return this.#step('setRemote', async () => {
          await this.connection.setRemoteDescription({ type: request[1], sdp: request[2] });
          return ['remoteSet'];
        });
      case 'describeLocal':
        return this.#step('describeLocal', () => this.#describeLocal());
      case 'rollback':
        return this.#step(undefined, () => this.#rollBack());
      case 'addCandidate':
        return this.#step(undefined, async () => {
          const where = request[2] === undefined ? { sdpMLineIndex: 0 } : { sdpMid: request[2] };
          await this.connection.addIceCandidate({ candidate: request[1], ...where });
        });
      case 'endOfCandidates':
        return this.#step(undefined, () => this.connection.addIceCandidate());
      case 'setHold':
        return this.#step(undefined, async () => {
          this.#held.local = request[1];
          this.#held.remote = request[2];
          this.#held.apply(this.connection);
        });
      case 'insertTones':
        try {
          return this.insertTones(request[1], request[2], request[3]);
        } catch (error) {
          return log.warn('tones could not be played: %o', error);
        }
      case 'setEnabled':
        return this.#setEnabled(request[1], request[2]);
      case 'close':
        return this.close();
    }
  }

  /** Plays tones into the audio, after those that are still to be played. */
  insertTones(tones: string, duration: number, gap: number): void {
    const sender = this.connection
      .getSenders()
      .find((candidate) => candidate.track?.kind === 'audio')?.dtmf;
    if (!sender) {
      log.warn('insertTones() | no local audio track to send DTMF with');
      return;
    }
    sender.insertDTMF(sender.toneBuffer + tones, duration, gap);
  }

  /** Lets tracks that were added since the last `mute()` or `hold()` be as the others. */
  gate(): void {
    for (const kind of ['audio', 'video'] as const) {
      if (!this.#enabled[kind]) this.#switch(kind, false);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const [name, listener] of this.#listeners) {
      this.connection.removeEventListener(name, listener);
    }
    this.#listeners = [];
    this.#early = [];
    stop(this.#captured);
    try {
      this.connection.close();
    } catch (error) {
      log.warn('close() | error closing the RTCPeerConnection: %o', error);
    }
  }

  #listen(name: string, listener: (event: Event) => void): void {
    this.connection.addEventListener(name, listener);
    this.#listeners.push([name, listener]);
  }

  /** Adds a step; one without a name reports nothing, whatever comes of it. */
  #step(name: MediaStep | undefined, step: () => Promise<ReportRow | void>): void {
    this.#steps = this.#steps.then(async () => {
      if (this.#closed) return;
      let report: ReportRow | void;
      try {
        report = await step();
      } catch (error) {
        if (this.#closed) return;
        log.warn('%s failed [error:%o]', name ?? 'a step', error);
        if (name === undefined) return;
        this.#errors.set(name, error);
        report = ['failed', name, error instanceof Error ? error.message : String(error)];
      }
      if (report) this.#report(...report);
    });
  }

  async #capture(audio: boolean, video: boolean): Promise<ReportRow> {
    const { stream: given, constraints } = this.#settings;
    const wanted = constraints ?? { audio, video };
    let stream = given;
    if (!stream && (wanted.audio || wanted.video)) {
      stream = await navigator.mediaDevices.getUserMedia(wanted);
      if (this.#closed) stop(stream);
      else this.#captured = stream;
    }
    if (this.#closed || !stream) return ['captured'];
    for (const track of stream.getTracks()) {
      // The application may keep a kind of its own stream out of an answer.
      if (given && constraints?.[track.kind as 'audio' | 'video'] === false) continue;
      this.connection.addTrack(track, stream);
    }
    this.gate();
    return ['captured'];
  }

  async #createOffer(iceRestart: boolean): Promise<ReportRow> {
    this.#held.apply(this.connection);
    const given = this.offerOptions ?? this.#settings.offer;
    // Browsers add what shall be received and is not yet: to hold the peer is to receive nothing.
    const { offerToReceiveAudio, offerToReceiveVideo, ...held } = given ?? {};
    const wanted = this.#held.local && given ? held : given;
    const options = iceRestart ? { ...wanted, iceRestart } : wanted;
    const offer = await this.connection.createOffer(options);
    this.#restarts = options?.iceRestart === true;
    return ['created', offer.sdp ?? ''];
  }

  async #createAnswer(): Promise<ReportRow> {
    this.#held.apply(this.connection);
    const answer = await this.connection.createAnswer(this.#settings.answer);
    this.#restarts = false;
    return ['created', answer.sdp ?? ''];
  }

  async #setLocal(type: RTCSdpType, sdp: string): Promise<void> {
    this.#gathering += 1;
    this.#setting = true;
    this.#early = [];
    this.#complete = false;
    try {
      await this.connection.setLocalDescription({ type, sdp });
    } finally {
      this.#setting = false;
    }
    const state = this.connection.iceGatheringState;
    // After a restart the state is still that of the candidates before.
    const complete = state === 'complete' && !this.#restarts;
    if (this.#restarts) this.#hasty = false;
    this.#report('localSet', complete || (state === 'gathering' && this.#hasty));
    const early = this.#early;
    this.#early = [];
    for (const candidate of early) this.#tell(candidate);
    if (complete) this.#complete = true;
  }

  async #describeLocal(): Promise<ReportRow> {
    if (this.connection.iceGatheringState === 'gathering') this.#hasty = true;
    return ['localDescription', this.connection.localDescription?.sdp ?? ''];
  }

  async #rollBack(): Promise<void> {
    const state = this.connection.signalingState;
    if (state === 'have-local-offer') {
      await this.connection.setLocalDescription({ type: 'rollback' });
    } else if (state === 'have-remote-offer') {
      await this.connection.setRemoteDescription({ type: 'rollback' });
    }
  }

  #gathered(candidate: RTCIceCandidate | null): void {
    if (!candidate) return this.#gatheringOver();
    // An empty one says that a generation is over, which the gathering state says, too.
    if (!candidate.candidate) return;
    if (this.#setting) this.#early.push(candidate);
    else this.#tell(candidate);
  }

  #tell(candidate: RTCIceCandidate): void {
    this.#candidate = candidate;
    this.#report('candidate', candidate.candidate, candidate.sdpMid ?? undefined);
    this.#candidate = undefined;
  }

  #gatheringChanged(): void {
    const state = this.connection.iceGatheringState;
    if (state === 'complete') this.#gatheringOver();
    else if (state === 'gathering') this.#complete = false;
  }

  #gatheringOver(): void {
    this.#hasty = false;
    // Once; and what came of a description that is being set, its own report says.
    if (this.#complete || this.#setting) return;
    this.#complete = true;
    this.#report('gatheringComplete');
  }

  #connectionChanged(): void {
    const state = connectionState(this.connection);
    if (state === undefined || state === this.#state) return;
    this.#state = state;
    this.#report('connection', state);
  }

  #setEnabled(audio: boolean, video: boolean): void {
    for (const [kind, enabled] of [['audio', audio], ['video', video]] as const) {
      // What did not change is the application's own business.
      if (this.#enabled[kind] === enabled) continue;
      this.#enabled[kind] = enabled;
      this.#switch(kind, enabled);
    }
  }

  #switch(kind: 'audio' | 'video', enabled: boolean): void {
    for (const { track } of this.connection.getSenders()) {
      if (track?.kind === kind) track.enabled = enabled;
    }
  }
}

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function connectionState(connection: RTCPeerConnection): ConnectionReport | undefined {
  const { connectionState, iceConnectionState } = connection as {
    connectionState?: RTCPeerConnectionState;
    iceConnectionState: RTCIceConnectionState;
  };
  if (iceConnectionState === 'failed') return 'failed';
  // Engines without `connectionState` have the words of ICE.
  const state = connectionState ?? iceConnectionState;
  switch (state) {
    case 'checking':
      return 'connecting';
    case 'completed':
      return 'connected';
    case 'connecting':
    case 'connected':
    case 'disconnected':
    case 'failed':
      return state;
    default:
      return undefined;
  }
}
