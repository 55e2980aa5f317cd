// Debug output with the npm module `debug`, in the namespaces that JsSIP uses: `JsSIP:UA`,
// `JsSIP:WARN:UA`, `JsSIP:ERROR:UA`. `debug.enable('JsSIP:*')` switches it on. Secrets stay out.

// Its browser build everywhere: it works in Node too, and takes `DEBUG` from the environment.
import createDebug from 'debug/src/browser.js';

/** What `debug(namespace)` gives. */
export interface Debugger {
  (format: unknown, ...args: unknown[]): void;
  color: string;
  diff: number;
  enabled: boolean;
  log: (...args: unknown[]) => void;
  namespace: string;
  destroy: () => void;
  extend: (namespace: string, delimiter?: string) => Debugger;
}

/** The npm module `debug`, as its own types have it. */
export interface Debug {
  (namespace: string): Debugger;
  debug: Debug;
  default: Debug;
  coerce: (value: unknown) => unknown;
  disable: () => string;
  enable: (namespaces: string) => void;
  enabled: (namespace: string) => boolean;
  formatArgs: (this: Debugger, args: unknown[]) => void;
  formatters: Record<string, (value: unknown) => string>;
  humanize: (value: number, options?: { long: boolean }) => string;
  inspectOpts?: Record<string, unknown>;
  log: (...args: unknown[]) => void;
  names: string[];
  selectColor: (namespace: string) => string;
  skips: string[];
}

export const debug: Debug = createDebug;

/** Writes when its namespace is on, with what `debug` formats: `%s`, `%o`, `%d`. */
export type Write = (format: unknown, ...args: unknown[]) => void;

export interface Logger {
  debug: Write;
  warn: Write;
  error: Write;
}

/** A logger of one part of the package, which `prefix` names. */
export function logger(prefix?: string): Logger {
  const end = prefix ? `:${prefix}` : '';
  return {
    debug: writer(`JsSIP${end}`, 'info'),
    warn: writer(`JsSIP:WARN${end}`, 'warn'),
    error: writer(`JsSIP:ERROR${end}`, 'error'),
  };
}

function writer(namespace: string, level: 'info' | 'warn' | 'error'): Write {
  const instance = createDebug(namespace);
  instance.log = (...args) => console[level](...args);
  return (format, ...args) => {
    if (instance.enabled) instance(redact(format), ...args.map(redact));
  };
}

/** The value of an Authorization or Proxy-Authorization header, with the lines it is folded on. */
const SECRET = /^((?:proxy-)?authorization[ \t]*:)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*/gim;

/** A message without what proves who the user is; anything but text is as it was. */
export function redact<T>(value: T): T | string {
  return typeof value === 'string' ? value.replace(SECRET, '$1 (hidden)') : value;
}
