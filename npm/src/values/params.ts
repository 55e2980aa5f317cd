// The parameters that URIs and addresses have in common.

/** What is given: anything that has a text; nothing stands for a parameter without a value. */
export type ParamValue = string | number | boolean | null | undefined;
export type Parameters = Record<string, ParamValue>;

export class WithParams {
  /** By name in lower case; `null` for a parameter without a value. */
  _parameters: Record<string, string | null> = {};

  setParam(key: string, value?: ParamValue): void {
    if (key) this._parameters[key.toLowerCase()] = value?.toString() ?? null;
  }

  getParam<T = string | null | undefined>(key: string): T {
    return (this.hasParam(key) ? this._parameters[key.toLowerCase()] : undefined) as T;
  }

  hasParam(key: string): boolean {
    return (key ? Object.hasOwn(this._parameters, key.toLowerCase()) : undefined) as boolean;
  }

  deleteParam(key: string): string | null | undefined {
    const value = this.getParam<string | null | undefined>(key.toLowerCase());
    delete this._parameters[key.toLowerCase()];
    return value;
  }

  clearParams(): void {
    this._parameters = {};
  }

  protected _setParams(params: Parameters | null | undefined): void {
    if (params) for (const name of Object.keys(params)) this.setParam(name, params[name]);
  }

  protected _writeParams(): string {
    let text = '';
    for (const name of Object.keys(this._parameters)) {
      const value = this._parameters[name];
      text += value === null ? `;${name}` : `;${name}=${value}`;
    }
    return text;
  }
}
