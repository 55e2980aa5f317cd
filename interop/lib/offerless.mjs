// A caller whose INVITE brings no offer (RFC 3261, 13.2.1): no peer here can send one. It speaks
// SIP over UDP, just enough for one call; its media are somebody else's concern.

import { createHash, randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { Log } from './log.mjs';

const md5 = (text) => createHash('md5').update(text).digest('hex');
const token = () => randomBytes(6).toString('hex');

export class OfferlessCaller {
  /** `server` is a udp:// URL, `user` and `domain` are those of the caller. */
  constructor({ server, user, password, domain }) {
    const { hostname, port } = new URL(server.replace('udp:', 'http:'));
    Object.assign(this, { user, password, domain, hostname, port: Number(port) });
    this.received = new Log(`caller ${user} without an offer`);
    this.callId = token();
    this.cseq = 0;
    this.socket = dgram.createSocket('udp4');
    this.socket.on('message', (bytes) => this.received.push(parse(bytes.toString())));
  }

  async open() {
    this.socket.bind(0, '127.0.0.1');
    await once(this.socket, 'listening');
    this.contact = `sip:${this.user}@127.0.0.1:${this.socket.address().port}`;
    this.from = `<sip:${this.user}@${this.domain}>;tag=${token()}`;
  }

  close() {
    this.socket.close();
  }

  /** Calls; resolves to the 200 with the callee's offer, which `acknowledge` has to answer. */
  async invite(target) {
    this.target = target;
    let answer = await this.#final(this.#request('INVITE', target, { to: `<${target}>` }));
    if (answer.status === 401 || answer.status === 407) {
      const challenge = answer.header('Proxy-Authenticate') ?? answer.header('WWW-Authenticate');
      const name = answer.status === 407 ? 'Proxy-Authorization' : 'Authorization';
      const credentials = `${name}: ${this.#credentials(challenge, target)}`;
      answer = await this.#final(this.#request('INVITE', target, { to: `<${target}>`, credentials }));
    }
    return answer;
  }

  /** Acknowledges the 200, with the answer to its offer. */
  acknowledge(ok, sdp) {
    // Route sets are in the order of the response turned round (RFC 3261, 12.1.2).
    this.route = ok.headers('Record-Route').reverse();
    this.remote = /<([^>]+)>/.exec(ok.header('Contact'))[1];
    this.to = ok.header('To');
    this.#request('ACK', this.remote, { to: this.to, cseq: this.cseq, sdp });
  }

  /** Ends the call; resolves to the answer. */
  bye() {
    return this.#final(this.#request('BYE', this.remote, { to: this.to }));
  }

  /** Sends a request and gives its branch. What it is not sent again for: nothing is lost here. */
  #request(method, uri, { to, sdp = '', credentials, cseq = (this.cseq += 1) }) {
    const branch = `z9hG4bK${token()}`;
    const lines = [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${this.socket.address().port};branch=${branch};rport`,
      'Max-Forwards: 70',
      ...(to === this.to ? this.route.map((route) => `Route: ${route}`) : []),
      `From: ${this.from}`,
      `To: ${to}`,
      `Call-ID: ${this.callId}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <${this.contact}>`,
      ...(credentials ? [credentials] : []),
      ...(sdp ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${Buffer.byteLength(sdp)}`,
      '',
      sdp,
    ];
    this.socket.send(lines.join('\r\n'), this.port, this.hostname);
    this.last = { lines, branch, method };
    return branch;
  }

  /** The final response to the request of this branch; a refusal is acknowledged. */
  async #final(branch) {
    const { lines, method } = this.last;
    const answer = await this.received.find(
      `final response to ${method}`,
      (message) => message.status >= 200 && message.header('Via').includes(branch),
    );
    if (method === 'INVITE' && answer.status >= 300) {
      const ack = lines.map((line) => line.replace(/^INVITE /, 'ACK ').replace(/ INVITE$/, ' ACK'));
      const to = ack.findIndex((line) => line.startsWith('To:'));
      ack[to] = `To: ${answer.header('To')}`;
      this.socket.send(ack.join('\r\n'), this.port, this.hostname);
    }
    return answer;
  }

  /** Digest (RFC 7616) with MD5. */
  #credentials(challenge, uri) {
    const field = (name) => new RegExp(`${name}="?([^",]+)`).exec(challenge)?.[1];
    const [realm, nonce, qop] = ['realm', 'nonce', 'qop'].map(field);
    const ha1 = md5(`${this.user}:${realm}:${this.password}`);
    const ha2 = md5(`INVITE:${uri}`);
    const [nc, cnonce] = ['00000001', token()];
    const response = md5([ha1, nonce, ...(qop ? [nc, cnonce, 'auth'] : []), ha2].join(':'));
    const fields = { username: this.user, realm, nonce, uri, response };
    const quoted = Object.entries(fields).map(([name, value]) => `${name}="${value}"`);
    const counted = qop ? [`qop=auth`, `nc=${nc}`, `cnonce="${cnonce}"`] : [];
    return `Digest ${[...quoted, 'algorithm=MD5', ...counted].join(', ')}`;
  }
}

function parse(text) {
  const [head, ...rest] = text.split('\r\n\r\n');
  const [start, ...lines] = head.split('\r\n');
  const headers = (name) =>
    lines
      .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
      .flatMap((line) => line.slice(name.length + 1).split(/,(?=\s*<)/))
      .map((value) => value.trim());
  return {
    text: start,
    status: Number(/^SIP\/2\.0 (\d+)/.exec(start)?.[1] ?? 0),
    headers,
    header: (name) => headers(name)[0],
    body: rest.join('\r\n\r\n'),
  };
}
