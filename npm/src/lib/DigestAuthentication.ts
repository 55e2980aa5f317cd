// For applications that import from JsSIP's file of this name. User agents do not need it: the
// engine answers their challenges, and those with SHA-256 as well.

import { Utils, debug } from '../api';

const warn = debug('JsSIP:WARN:DigestAuthentication');

export interface DigestCredentials {
  username: string;
  password?: string | null;
  /** What `ha1` was made for. */
  realm?: string | null;
  /** The MD5 of `username:realm:password`, in place of the password. */
  ha1?: string | null;
}

/** As `Grammar.parse(text, 'challenge')` gives it. */
export interface DigestChallenge {
  /** Default: MD5, which is the only one known here. */
  algorithm?: string | null;
  realm: string;
  nonce: string;
  opaque?: string | null;
  stale?: boolean | null;
  /** One, or several of which one is chosen. */
  qop?: string | string[] | null;
}

export interface DigestRequest {
  method: string;
  ruri: { toString(): string };
  body?: string | null;
}

const { calculateMD5: md5 } = Utils;

/** Digest authentication with MD5 (RFC 2617), for requests that an application makes itself. */
export class DigestAuthentication {
  /** @internal */
  _credentials: DigestCredentials;
  /** @internal */
  _algorithm = 'MD5';
  /** @internal */
  _realm: string | null = null;
  /** @internal */
  _nonce: string | null = null;
  /** @internal */
  _opaque: string | null = null;
  /** @internal */
  _stale: boolean | null = null;
  /** @internal */
  _qop: 'auth' | 'auth-int' | null = null;
  /** @internal */
  _cnonce: string | null = null;
  /** @internal */
  _nc = 0;
  /** @internal */
  _ncHex = '00000000';
  /** @internal */
  _uri: string | null = null;
  /** @internal */
  _ha1: string | null = null;
  /** @internal */
  _response: string | null = null;

  constructor(credentials: DigestCredentials) {
    this._credentials = credentials;
  }

  /** The realm of the last challenge, or what stands for the password there. */
  get(parameter: 'realm' | 'ha1'): string | null | undefined {
    switch (parameter) {
      case 'realm':
        return this._realm;
      case 'ha1':
        return this._ha1;
      default:
        warn('get() | there is no parameter "%s"', parameter);
        return undefined;
    }
  }

  /** Answers a challenge to a request; whether it can. `cnonce` is chance, but for tests. */
  authenticate(
    request: DigestRequest,
    challenge: DigestChallenge,
    cnonce: string | null = null,
  ): boolean {
    const { algorithm, realm, nonce, opaque, stale } = challenge;
    const { username, password, ha1, realm: own } = this._credentials;
    const { qop } = challenge;
    const chosen = qop ? (['auth-int', 'auth'] as const).find((one) => qop.includes(one)) : null;
    const missing =
      (algorithm && algorithm !== 'MD5' && `the algorithm "${algorithm}" is not MD5`) ||
      (!nonce && 'the challenge has no nonce') ||
      (!realm && 'the challenge has no realm') ||
      (chosen === undefined && `no qop of "${qop}" is "auth" or "auth-int"`) ||
      (!password && !ha1 && 'there is neither a password nor a ha1') ||
      (!password && own !== realm && `the ha1 is for "${own}", not for "${realm}"`);
    if (missing) {
      warn('authenticate() | cannot: %s', missing);
      return false;
    }
    this._realm = realm;
    this._nonce = nonce;
    this._opaque = opaque ?? null;
    this._stale = stale ?? null;
    this._qop = chosen ?? null;
    this._cnonce = cnonce || Utils.createRandomToken(12);
    this._uri = String(request.ruri);
    // Eight digits; the count begins anew behind the last of them.
    this._nc = this._nc === 0xffffffff ? 1 : this._nc + 1;
    this._ncHex = this._nc.toString(16).padStart(8, '0');
    this._ha1 = password ? md5(`${username}:${realm}:${password}`) : (ha1 ?? null);
    const asked = [request.method, this._uri];
    if (chosen === 'auth-int') asked.push(md5(request.body ?? ''));
    const count = chosen ? [this._ncHex, this._cnonce, chosen] : [];
    this._response = md5([this._ha1, nonce, ...count, md5(asked.join(':'))].join(':'));
    return true;
  }

  /** The value of the Authorization or Proxy-Authorization header. */
  toString(): string {
    if (!this._response) throw new Error('No challenge has been answered yet');
    const parts = [
      `algorithm=${this._algorithm}`,
      `username="${this._credentials.username}"`,
      `realm="${this._realm}"`,
      `nonce="${this._nonce}"`,
      `uri="${this._uri}"`,
      `response="${this._response}"`,
    ];
    if (this._opaque) parts.push(`opaque="${this._opaque}"`);
    if (this._qop) parts.push(`qop=${this._qop}`, `cnonce="${this._cnonce}"`, `nc=${this._ncHex}`);
    return `Digest ${parts.join(', ')}`;
  }
}

export default DigestAuthentication;
