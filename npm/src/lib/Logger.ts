// For applications that import from JsSIP's file of this name, whose output `debug` switches on.

import { debug, type Debugger } from '../api';

export class Logger {
  readonly debug: Debugger;
  readonly warn: Debugger;
  readonly error: Debugger;

  /** Of the namespaces `JsSIP:prefix`, `JsSIP:WARN:prefix` and `JsSIP:ERROR:prefix`. */
  constructor(prefix?: string) {
    const end = prefix ? `:${prefix}` : '';
    this.debug = debug(`JsSIP${end}`);
    this.warn = debug(`JsSIP:WARN${end}`);
    this.error = debug(`JsSIP:ERROR${end}`);
    this.debug.log = (...args) => console.info(...args);
    this.warn.log = (...args) => console.warn(...args);
    this.error.log = (...args) => console.error(...args);
  }
}

export default Logger;
