// A SIP URI that can be read and changed part by part.

import { parse } from './grammar';
import { WithParams, type Parameters } from './params';
import { escapeUser, headerize } from './text';

export type URIScheme = 'sip' | 'sips' | 'tel' | (string & {});
export type Headers = Record<string, string | string[]>;

export class URI extends WithParams {
  _scheme: string;
  _user: string | undefined;
  _host: string;
  _port: number | null | undefined;
  /** By name as `headerize` spells it. */
  _headers: Record<string, string[]> = {};

  /** Reads a `sip` or `sips` URI; `undefined` where the text is none. */
  static parse(uri: string): URI | undefined {
    const found = parse(uri, 'SIP_URI');
    return found === -1 ? undefined : found;
  }

  constructor(
    scheme: URIScheme | null | undefined,
    user: string | null | undefined,
    host: string,
    port?: number | null,
    parameters?: Parameters | null,
    headers?: Headers | null,
  ) {
    super();
    if (!host) throw new TypeError('missing or invalid "host" parameter');
    this._scheme = scheme || 'sip';
    this._user = user as string | undefined;
    this._host = host;
    this._port = port;
    this._setParams(parameters);
    if (headers) {
      for (const name of Object.keys(headers)) this.setHeader(name, headers[name] ?? '');
    }
  }

  get scheme(): URIScheme {
    return this._scheme;
  }
  set scheme(value: URIScheme) {
    this._scheme = value.toLowerCase();
  }

  // With the password, where there is one, and without escapes.
  get user(): string {
    return this._user as string;
  }
  set user(value: string | null | undefined) {
    this._user = value as string | undefined;
  }

  get host(): string {
    return this._host;
  }
  set host(value: string) {
    this._host = value.toLowerCase();
  }

  get port(): number {
    return this._port as number;
  }
  set port(value: number | string | null | undefined) {
    this._port = value === 0 ? value : parseInt(value as string, 10) || null;
  }

  setHeader(name: string, value: string | string[]): void {
    this._headers[headerize(name)] = Array.isArray(value) ? value : [value];
  }

  getHeader(name: string): string[] | undefined {
    const spelled = name && headerize(name);
    return name && Object.hasOwn(this._headers, spelled) ? this._headers[spelled] : undefined;
  }

  hasHeader(name: string): boolean {
    return (name ? Object.hasOwn(this._headers, headerize(name)) : undefined) as boolean;
  }

  deleteHeader(name: string): string[] | undefined {
    const spelled = headerize(name);
    const values = this.getHeader(spelled);
    delete this._headers[spelled];
    return values;
  }

  clearHeaders(): void {
    this._headers = {};
  }

  clone(): this {
    const clone = new URI(this._scheme, this._user, 'x', this._port, this._parameters);
    // A URI that was received may have no host: a telephone number has none.
    clone._host = this._host;
    for (const name of Object.keys(this._headers)) {
      clone._headers[name] = [...(this._headers[name] ?? [])];
    }
    return clone as this;
  }

  override toString(): string {
    const headers: string[] = [];
    for (const name of Object.keys(this._headers)) {
      for (const value of this._headers[name] ?? []) headers.push(`${name}=${value}`);
    }
    const query = headers.length > 0 ? `?${headers.join('&')}` : '';
    return this.toAor(true) + this._writeParams() + query;
  }

  /** The URI without parameters and headers; with the port when `show_port`. */
  toAor(show_port?: boolean): string {
    let text = `${this._scheme}:`;
    if (this._user) text += escapeUser(this._user) + (this._host && '@');
    text += this._host;
    if (show_port && (this._port || this._port === 0)) text += `:${this._port}`;
    return text;
  }
}
