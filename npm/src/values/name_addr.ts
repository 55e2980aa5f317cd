// An address with a display name and parameters: From, To, Contact and the like.

import { parse } from './grammar';
import { WithParams, type Parameters } from './params';
import { URI } from './uri';

export class NameAddrHeader extends WithParams {
  _uri: URI;
  _display_name: string | undefined;

  /** Reads `"Name" <uri>;params`; `undefined` where the text is no such thing. */
  static parse(name_addr_header: string): NameAddrHeader | undefined {
    const found = parse(name_addr_header, 'Name_Addr_Header');
    return found === -1 ? undefined : found;
  }

  constructor(uri: URI, display_name?: string | number | null, parameters?: Parameters | null) {
    super();
    if (!(uri instanceof URI)) throw new TypeError('missing or invalid "uri" parameter');
    this._uri = uri;
    this.display_name = display_name;
    this._setParams(parameters);
  }

  get uri(): URI {
    return this._uri;
  }

  get display_name(): string {
    return this._display_name as string;
  }
  set display_name(value: string | number | null | undefined) {
    this._display_name = (value === 0 ? '0' : value) as string | undefined;
  }

  clone(): this {
    return new NameAddrHeader(this._uri.clone(), this._display_name, this._parameters) as this;
  }

  override toString(): string {
    const name = this._display_name;
    const quoted = name ? `"${String(name).replace(/[\\"]/g, '\\$&')}" ` : '';
    return `${quoted}<${this._uri}>${this._writeParams()}`;
  }
}
