// What an application may add to the registration, which the engine keeps up.

import type { Driver } from './driver';
import { Command } from './engine/commands';
import type { UA } from './ua';

export type ExtraContactParams = Record<string, string | number | boolean>;

export class Registrator {
  /** @internal */
  _ua: UA;
  /** @internal */
  _extraHeaders: string[] = [];
  /** @internal */
  _extraContactParams = '';

  constructor(ua: UA) {
    this._ua = ua;
  }

  get registered(): boolean {
    return this._ua.isRegistered();
  }

  /** @internal Applications are known to look at it. */
  get _registered(): boolean {
    return this.registered;
  }

  /** Headers of every REGISTER, as `'X-Note: hello'`; they take the place of earlier ones. */
  setExtraHeaders(extraHeaders: string[]): void {
    this._extraHeaders = Array.isArray(extraHeaders) ? [...extraHeaders] : [];
    this._ua._tell('register_headers', this._extraHeaders);
  }

  /** Parameters of the Contact in every REGISTER; one without a value is a flag. */
  setExtraContactParams(extraContactParams: ExtraContactParams): void {
    const params = extraContactParams instanceof Object ? extraContactParams : {};
    this._extraContactParams = Object.entries(params)
      .map(([name, value]) => (value ? `;${name}=${value}` : `;${name}`))
      .join('');
    this._ua._tell('register_contact_params', this._extraContactParams);
  }

  register(): void {
    this._ua._register();
  }

  /** With `all`, every binding of the address is removed, those of other devices too. */
  unregister(options: { all?: boolean } = {}): void {
    this._ua._unregister(options);
  }

  /** @internal Removes the binding, where there is one. */
  close(): void {
    if (this.registered) this.unregister();
  }

  /** @internal Tells an engine; one that is made later is told then. */
  _apply(driver: Driver): void {
    driver.put(Command.Set, 'register_headers', this._extraHeaders);
    driver.put(Command.Set, 'register_contact_params', this._extraContactParams);
  }
}
