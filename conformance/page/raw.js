// A peer that is no library: it registers with one, and then speaks for itself.

import {
  headerValue, headerValues, methodOf, parseMessage, statusOf, tagOf, uriOf,
} from '../lib/message.mjs';
import { Watch } from './watch.js';

let serial = 0;
// The pages that play beside this one speak through the same server, often in the same moment.
const page = crypto.randomUUID().slice(0, 8);
const token = (name) => `${name}${page}x${(serial += 1)}`;

/** Turns the messages of some calls away from the library of `party`; gives the first such INVITE. */
export async function takeCall(party) {
  const watch = new Watch(`${party.name}, by hand`);
  let raw;
  party.onReceive = (text) => {
    const message = parseMessage(text);
    if (!raw && message.start.startsWith('INVITE ')) {
      raw = new RawCall(party, { invite: message });
      watch.push('INVITE', raw);
      return null;
    }
    return raw?.hears(message) ? null : text;
  };
  return watch.saw('INVITE');
}

/** Sends an INVITE (or another request) out of a dialog; gives the call when it is under way. */
export async function makeCall(party, target, options) {
  const raw = new RawCall(party, { target });
  party.onReceive = (text) => (raw.hears(parseMessage(text)) ? null : text);
  raw.first(options);
  return raw;
}

/** A dialog by hand. */
class RawCall extends Watch {
  constructor(party, { invite, target }) {
    super(`${party.name}, by hand`);
    this.party = party;
    this.invite = invite;
    this.contact = `<sip:${party.account.user}@by-hand.invalid;transport=ws>`;
    this.cseq = 1;
    this.tag = token('hand');
    if (invite) {
      this.callId = headerValue(invite, 'Call-ID');
      this.remote = headerValue(invite, 'From');
      this.local = `${headerValue(invite, 'To')};tag=${this.tag}`;
      this.target = uriOf(headerValue(invite, 'Contact'));
      this.routes = headerValues(invite, 'Record-Route');
    } else {
      this.callId = token('call');
      this.local = `<${party.uri}>;tag=${this.tag}`;
      this.remote = `<${target}>`;
      this.target = target;
      this.routes = [];
    }
  }

  /** Takes a message that belongs to this call; says whether it did. */
  hears(message) {
    if (headerValue(message, 'Call-ID') !== this.callId) return false;
    const status = statusOf(message);
    const method = methodOf(message);
    if (!status) this.push(method, message);
    else {
      this.push(`${status} ${method}`, message);
      if (status >= 200) this.push(`final ${method}`, message);
    }
    return true;
  }

  /** Answers `request`, the INVITE unless another is given. */
  reply(start, { request = this.invite, headers = [], body = '', tag = this.tag, contact = this.contact } = {}) {
    const to = headerValue(request, 'To');
    const lines = [
      `SIP/2.0 ${start}`,
      ...headerValues(request, 'Via').map((via) => `Via: ${via}`),
      ...headerValues(request, 'Record-Route').map((route) => `Record-Route: ${route}`),
      `From: ${headerValue(request, 'From')}`,
      `To: ${tagOf(to) ? to : `${to};tag=${tag}`}`,
      `Call-ID: ${this.callId}`,
      `CSeq: ${headerValue(request, 'CSeq')}`,
      ...(contact ? [`Contact: ${contact}`] : []),
    ];
    this.#send(lines, headers, body);
  }

  /**
   * Sends a request within the dialog; resolves to its final response. An INVITE is acknowledged,
   * unless the story does it.
   */
  async request(method, { headers = [], body = '', cseq, acknowledge = true } = {}) {
    if (method !== 'ACK' && cseq === undefined) this.cseq += 1;
    const number = cseq ?? this.cseq;
    this.#send([
      `${method} ${this.target} SIP/2.0`,
      `Via: SIP/2.0/WS by-hand.invalid;branch=z9hG4bK${token('')}`,
      'Max-Forwards: 70',
      ...this.routes.map((route) => `Route: ${route}`),
      `From: ${this.local}`,
      `To: ${this.remote}`,
      `Call-ID: ${this.callId}`,
      `CSeq: ${number} ${method}`,
      `Contact: ${this.contact}`,
    ], headers, body);
    if (method === 'ACK') return undefined;
    const final = await this.saw(`final ${method}`, this.count(`final ${method}`) + 1);
    if (method === 'INVITE' && acknowledge && statusOf(final) < 300) this.request('ACK', { cseq: number });
    return final;
  }

  /** The first request, with credentials once the server has asked for them. */
  first({ method = 'INVITE', headers = [], body = '' } = {}) {
    const { party } = this;
    let branch;
    const send = (credentials = []) => {
      branch = `z9hG4bK${token('')}`;
      this.#send([
        `${method} ${this.target} SIP/2.0`,
        `Via: SIP/2.0/WS by-hand.invalid;branch=${branch}`,
        'Max-Forwards: 70',
        `From: ${this.local}`,
        `To: ${this.remote}`,
        `Call-ID: ${this.callId}`,
        `CSeq: ${this.cseq} ${method}`,
        `Contact: ${this.contact}`,
        ...credentials,
      ], headers, body);
    };
    this.saw(`407 ${method}`).then((challenge) => {
      if (method === 'INVITE') this.#acknowledge(challenge, branch);
      const offered = headerValues(challenge, 'Proxy-Authenticate')
        .find((value) => !/algorithm=(?!"?MD5"?(,|$))/i.test(value));
      this.cseq += 1;
      send([`Proxy-Authorization: ${this.#digest(offered, method)}`]);
    });
    send();
    return party;
  }

  #digest(challenge, method) {
    const { calculateMD5 } = this.party.JsSIP.Utils;
    const field = (name) => new RegExp(`\\b${name}="?([^",]+)`, 'i').exec(challenge)?.[1];
    const { user, password } = this.party.account;
    const [realm, nonce] = [field('realm'), field('nonce')];
    const [a1, a2] = [`${user}:${realm}:${password}`, `${method}:${this.target}`].map(calculateMD5);
    const response = calculateMD5(`${a1}:${nonce}:00000001:abcd:auth:${a2}`);
    return `Digest algorithm=MD5, username="${user}", realm="${realm}", nonce="${nonce}", `
      + `uri="${this.target}", response="${response}", qop=auth, cnonce="abcd", nc=00000001`
      + (field('opaque') ? `, opaque="${field('opaque')}"` : '');
  }

  /** The ACK of a refusal: within the transaction, hop by hop. */
  #acknowledge(refusal, branch) {
    this.#send([
      `ACK ${this.target} SIP/2.0`,
      `Via: SIP/2.0/WS by-hand.invalid;branch=${branch}`,
      'Max-Forwards: 70',
      `From: ${this.local}`,
      `To: ${headerValue(refusal, 'To')}`,
      `Call-ID: ${this.callId}`,
      `CSeq: ${this.cseq} ACK`,
    ]);
  }

  /** Takes the dialog from a 2xx to our INVITE, and acknowledges it. */
  confirm(response, { body = '', headers = [] } = {}) {
    this.adopt(response);
    this.request('ACK', { cseq: this.cseq, body, headers });
  }

  /** Takes the dialog from a response to our INVITE. */
  adopt(response) {
    this.remote = headerValue(response, 'To');
    this.target = uriOf(headerValue(response, 'Contact'));
    this.routes = headerValues(response, 'Record-Route').flatMap((value) => value.split(',')).reverse();
    this.cseq = Number(headerValue(response, 'CSeq').split(' ')[0]);
  }

  #send(lines, headers = [], body = '') {
    const length = new TextEncoder().encode(body).length;
    this.party.sendRaw([...lines, ...headers, `Content-Length: ${length}`, '', body].join('\r\n'));
  }

  /** A real peer connection that takes `offer` and gives an answer with every candidate. */
  async answerTo(offer) {
    const connection = this.#connect();
    await connection.setRemoteDescription({ type: 'offer', sdp: offer });
    const media = await this.party.frame.navigator.mediaDevices.getUserMedia({ audio: true });
    for (const track of media.getTracks()) connection.addTrack(track, media);
    return this.#described(connection);
  }

  /** An offer of audio. */
  async offer() {
    const connection = this.#connect();
    connection.addTransceiver('audio');
    return this.#described(connection);
  }

  #connect() {
    this.connection?.close();
    this.connection = new this.party.frame.RTCPeerConnection({ iceServers: [] });
    return this.connection;
  }

  async #described(connection) {
    const gathered = new Promise((resolve) => {
      connection.addEventListener('icecandidate', ({ candidate }) => candidate ?? resolve());
    });
    await connection.setLocalDescription();
    await gathered;
    return connection.localDescription.sdp;
  }
}

/** The header that says that a body is SDP. */
export const SDP = 'Content-Type: application/sdp';
