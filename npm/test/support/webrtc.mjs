// A stand-in for the browser's WebRTC: descriptions with real sections, directions and candidates,
// the signalling states of the specification, and a count of all that is still open. It sends no
// media. Everything happens in microtasks, unless `gathering` says that a test steers it.

let count = 0;

export class Track {
  enabled = true;
  readyState = 'live';

  constructor(kind) {
    this.kind = kind;
    this.id = `track-${(count += 1)}`;
  }

  stop() {
    this.readyState = 'ended';
  }
}

export class Stream {
  #tracks;

  constructor(...kinds) {
    this.#tracks = kinds.map((kind) => new Track(kind));
    this.id = `stream-${(count += 1)}`;
  }

  getTracks() {
    return [...this.#tracks];
  }

  getAudioTracks() {
    return this.#tracks.filter((track) => track.kind === 'audio');
  }

  getVideoTracks() {
    return this.#tracks.filter((track) => track.kind === 'video');
  }

  removeTrack(track) {
    this.#tracks = this.#tracks.filter((one) => one !== track);
  }
}

/** `navigator.mediaDevices`: remembers what it has given. */
export class MediaDevices {
  streams = [];
  asked = [];
  /** Makes the next request fail, or wait. */
  refusal;
  pending;

  async getUserMedia(constraints) {
    this.asked.push(constraints);
    if (this.pending) await this.pending;
    if (this.refusal) throw this.refusal;
    const kinds = ['audio', 'video'].filter((kind) => constraints[kind]);
    const stream = new Stream(...kinds);
    this.streams.push(stream);
    return stream;
  }

  /** Tracks that nobody has stopped. */
  get live() {
    return this.streams.flatMap((stream) => stream.getTracks()).filter(isLive).length;
  }
}

const isLive = (track) => track.readyState === 'live';

class Dtmf {
  toneBuffer = '';
  inserted = [];

  insertDTMF(tones, duration, gap) {
    this.toneBuffer = tones;
    this.inserted.push([tones, duration, gap]);
  }
}

class Transceiver {
  mid = null;
  currentDirection = null;

  constructor(kind, direction, track = null) {
    this.kind = kind;
    this.direction = direction;
    this.sender = { track, dtmf: kind === 'audio' ? new Dtmf() : null };
  }
}

const TURNED = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};

/** What both of two directions allow. */
function narrow(own, allowed) {
  const sends = own.includes('send') && allowed.includes('send');
  const receives = /recv/.test(own) && /recv/.test(allowed);
  if (sends) return receives ? 'sendrecv' : 'sendonly';
  return receives ? 'recvonly' : 'inactive';
}

/** The sections of a description: kind, mid and direction. */
export function sectionsOf(sdp) {
  const [, ...sections] = sdp.split(/^m=/m);
  return sections.map((text, index) => ({
    kind: text.split(' ', 1)[0],
    mid: /^a=mid:(.*?)\r?$/m.exec(text)?.[1] ?? String(index),
    direction: /^a=(sendrecv|sendonly|recvonly|inactive)\r?$/m.exec(text)?.[1] ?? 'sendrecv',
  }));
}

const invalid = (message) => new DOMException(message, 'InvalidStateError');

export class PeerConnection extends EventTarget {
  static all = [];
  /** `now`: all is gathered with the description; `later`: when a test calls `gather()`. */
  static gathering = 'now';

  /** Connections that nobody has closed. */
  static get open() {
    return this.all.filter((one) => one.signalingState !== 'closed').length;
  }

  static reset() {
    this.all = [];
    this.gathering = 'now';
  }

  signalingState = 'stable';
  iceGatheringState = 'new';
  iceConnectionState = 'new';
  connectionState = 'new';
  localDescription = null;
  remoteDescription = null;
  /** The names of the methods that were called, in order. */
  calls = [];
  /** Errors by method: the next call rejects. */
  refusals = {};
  listening = 0;
  stats = new Map();

  #transceivers = [];
  #version = 0;
  #ufrag = `u${(count += 1)}`;
  #candidates = [];
  #before = null;

  constructor(config, constraints) {
    super();
    this.config = config;
    this.constraints = constraints;
    PeerConnection.all.push(this);
  }

  addEventListener(...args) {
    this.listening += 1;
    super.addEventListener(...args);
  }

  removeEventListener(...args) {
    this.listening -= 1;
    super.removeEventListener(...args);
  }

  addTrack(track, stream) {
    this.calls.push('addTrack');
    this.streams = [...(this.streams ?? []), stream];
    const free = this.#transceivers.find(
      (one) => one.kind === track.kind && !one.sender.track && one.direction === 'recvonly',
    );
    if (free) {
      free.sender.track = track;
      free.direction = 'sendrecv';
      return free.sender;
    }
    const made = new Transceiver(track.kind, 'sendrecv', track);
    this.#transceivers.push(made);
    return made.sender;
  }

  getSenders() {
    return this.#transceivers.map((one) => one.sender);
  }

  getTransceivers() {
    return [...this.#transceivers];
  }

  async createOffer(options) {
    await this.#called('createOffer');
    this.offerOptions = options;
    for (const kind of ['audio', 'video']) {
      const wanted = options?.[kind === 'audio' ? 'offerToReceiveAudio' : 'offerToReceiveVideo'];
      // As browsers do: one that is held receives nothing, and another is made that does.
      const receives = (one) => one.kind === kind && /recv/.test(one.direction);
      if (wanted && !this.#transceivers.some(receives)) {
        this.#transceivers.push(new Transceiver(kind, 'recvonly'));
      }
    }
    if (options?.iceRestart) this.#restart();
    this.#transceivers.forEach((one, index) => (one.mid ??= String(index)));
    return { type: 'offer', sdp: this.#describe((one) => one.direction) };
  }

  async createAnswer(options) {
    await this.#called('createAnswer');
    this.answerOptions = options;
    if (this.signalingState !== 'have-remote-offer') throw invalid('there is no offer');
    const offered = sectionsOf(this.remoteDescription.sdp);
    const directionOf = (one) => {
      const theirs = offered.find((section) => section.mid === one.mid)?.direction;
      return theirs ? narrow(one.direction, TURNED[theirs]) : 'inactive';
    };
    return { type: 'answer', sdp: this.#describe(directionOf) };
  }

  async setLocalDescription(description) {
    await this.#called('setLocalDescription');
    if (description.type === 'rollback') return this.#rollBack();
    const isOffer = description.type === 'offer';
    this.#expect(isOffer ? ['stable', 'have-local-offer'] : ['have-remote-offer']);
    this.#before ??= { local: this.localDescription, remote: this.remoteDescription };
    this.localDescription = { ...description };
    this.#settle(description.type, 'have-local-offer');
    this.#gather();
  }

  async setRemoteDescription(description) {
    await this.#called('setRemoteDescription');
    if (description.type === 'rollback') return this.#rollBack();
    const isOffer = description.type === 'offer';
    const offerStates = ['stable', 'have-remote-offer'];
    const answerStates = ['have-local-offer', 'have-remote-pranswer'];
    this.#expect(isOffer ? offerStates : answerStates);
    if (!/^m=/m.test(description.sdp) || /^a=unusable/m.test(description.sdp)) {
      throw new DOMException('the description cannot be used', 'InvalidAccessError');
    }
    this.#before ??= { local: this.localDescription, remote: this.remoteDescription };
    if (isOffer) this.#meet(sectionsOf(description.sdp));
    this.remoteDescription = { ...description };
    this.#settle(description.type, isOffer ? 'have-remote-offer' : 'have-remote-pranswer');
  }

  async addIceCandidate(candidate) {
    await this.#called('addIceCandidate');
    this.remoteCandidates = [...(this.remoteCandidates ?? []), candidate];
  }

  async getStats() {
    return this.stats;
  }

  close() {
    this.calls.push('close');
    this.signalingState = 'closed';
    this.connectionState = 'closed';
    this.iceConnectionState = 'closed';
  }

  /** Gathers a candidate. */
  gather(text = `candidate:${(count += 1)} 1 udp 2122260223 192.0.2.1 50000 typ host`) {
    const sdpMid = this.#transceivers[0]?.mid ?? '0';
    const candidate = { candidate: text, sdpMid, sdpMLineIndex: 0 };
    this.#candidates.push(text);
    if (this.localDescription) {
      this.localDescription.sdp += `a=${text}\r\n`;
    }
    this.#tell('icecandidate', { candidate });
    return candidate;
  }

  /** Gathers no more. */
  gathered() {
    this.iceGatheringState = 'complete';
    this.#tell('icegatheringstatechange');
    this.#tell('icecandidate', { candidate: null });
  }

  /** Changes how the connection to the peer is. */
  become(state) {
    this.iceConnectionState = { connecting: 'checking' }[state] ?? state;
    this.#tell('iceconnectionstatechange');
    this.connectionState = state;
    this.#tell('connectionstatechange');
  }

  #tell(name, fields = {}) {
    if (this.signalingState === 'closed') return;
    this.dispatchEvent(Object.assign(new Event(name), fields));
  }

  async #called(name) {
    this.calls.push(name);
    await undefined;
    if (this.signalingState === 'closed') throw invalid('the connection is closed');
    const refusal = this.refusals[name];
    delete this.refusals[name];
    if (refusal) throw refusal;
  }

  #expect(states) {
    if (!states.includes(this.signalingState)) {
      throw invalid(`the signalling state is ${this.signalingState}`);
    }
  }

  #settle(type, state) {
    this.signalingState = type === 'answer' ? 'stable' : state;
    if (type !== 'answer') return;
    this.#before = null;
    if (this.connectionState === 'new') {
      queueMicrotask(() => {
        if (this.signalingState !== 'closed') this.become('connected');
      });
    }
  }

  #rollBack() {
    if (this.signalingState === 'stable') throw invalid('there is nothing to roll back');
    this.localDescription = this.#before?.local ?? null;
    this.remoteDescription = this.#before?.remote ?? null;
    this.#before = null;
    this.signalingState = 'stable';
  }

  /** Finds or makes a transceiver for each section of an offer. */
  #meet(sections) {
    for (const { kind, mid } of sections) {
      if (this.#transceivers.some((one) => one.mid === mid)) continue;
      const own = this.#transceivers.find((one) => one.kind === kind && one.mid === null);
      const transceiver = own ?? new Transceiver(kind, 'recvonly');
      transceiver.mid = mid;
      if (!own) this.#transceivers.push(transceiver);
    }
  }

  #restart() {
    this.#ufrag = `u${(count += 1)}`;
    this.#candidates = [];
    this.iceGatheringState = 'new';
  }

  #gather() {
    if (this.iceGatheringState === 'complete') return;
    this.iceGatheringState = 'gathering';
    this.#tell('icegatheringstatechange');
    if (PeerConnection.gathering !== 'now') return;
    queueMicrotask(() => {
      this.gather();
      this.gathered();
    });
  }

  #describe(directionOf) {
    this.#version += 1;
    const lines = ['v=0', `o=- 1 ${this.#version} IN IP4 127.0.0.1`, 's=-', 't=0 0'];
    for (const one of this.#transceivers) {
      if (one.mid === null) continue;
      const payload = one.kind === 'audio' ? '111' : '96';
      lines.push(
        `m=${one.kind} 9 UDP/TLS/RTP/SAVPF ${payload}`,
        'c=IN IP4 0.0.0.0',
        `a=mid:${one.mid}`,
        `a=ice-ufrag:${this.#ufrag}`,
        'a=ice-pwd:0123456789012345678901',
        'a=fingerprint:sha-256 00:11',
        'a=setup:actpass',
        'a=rtcp-mux',
        `a=${directionOf(one)}`,
        one.kind === 'audio' ? 'a=rtpmap:111 opus/48000/2' : 'a=rtpmap:96 VP8/90000',
        ...this.#candidates.map((text) => `a=${text}`),
      );
    }
    return `${lines.join('\r\n')}\r\n`;
  }
}

/** Puts the stand-ins where the package looks for the browser's; returns the way back. */
export function installWebRTC() {
  const mediaDevices = new MediaDevices();
  PeerConnection.reset();
  const before = ['RTCPeerConnection', 'RTCSessionDescription', 'navigator'].map((name) => [
    name,
    Object.getOwnPropertyDescriptor(globalThis, name),
  ]);
  const put = (name, value) =>
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  put('RTCPeerConnection', PeerConnection);
  put('RTCSessionDescription', class {
    constructor({ type, sdp }) {
      Object.assign(this, { type, sdp });
    }
  });
  put('navigator', { mediaDevices });
  return {
    mediaDevices,
    restore() {
      for (const [name, descriptor] of before) {
        if (descriptor) Object.defineProperty(globalThis, name, descriptor);
        else delete globalThis[name];
      }
    },
  };
}
