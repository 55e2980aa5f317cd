// Debug output in the namespaces that JsSIP uses: `JsSIP:UA`,
// `JsSIP:WARN:UA`, `JsSIP:ERROR:UA`. `debug.enable('JsSIP:*')` switches it on. Secrets stay out.

import { createDebug, type Debug } from './debug_module';

export type { Debug, Debugger } from './debug_module';

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
