// What the npm package `debug` 4 is in a browser, as JsSIP hands it to applications: output by
// namespace, switched on by `debug.enable('JsSIP:*')`, by `localStorage.debug`, or in Node by the
// variable DEBUG. `formatters` of the application's own are used, as is what it puts into `log`.

/** What `debug(namespace)` gives. */
export interface Debugger {
  (format: unknown, ...args: unknown[]): void;
  color: string;
  /** Milliseconds since it wrote last. */
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

type Colored = Debugger & { useColors: boolean };

/**
 * Colours that can be read on white and on black: one part at least is bright and one is dark, and
 * green, which is the brightest to the eye, is never full.
 */
const COLORS: string[] = [];
for (const red of '0369CF') {
  for (const green of '0369C') {
    for (const blue of '0369CF') {
      const color = red + green + blue;
      if (/[CF]/.test(color) && /[03]/.test(color)) {
        COLORS.push(`#${red}${red}${green}${green}${blue}${blue}`);
      }
    }
  }
}

const UNITS: [name: string, milliseconds: number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
];

/** Changes with every `enable()`, so that each namespace looks once whether it is on. */
let generation = 0;

export const createDebug = ((namespace: string): Debugger => {
  let before: number | undefined;
  let forced: boolean | null = null;
  let seen: number | undefined;
  let isOn = false;

  const debug = ((...args: unknown[]): void => {
    if (!debug.enabled) return;
    const now = Date.now();
    debug.diff = now - (before ?? now);
    before = now;
    args[0] = createDebug.coerce(args[0]);
    if (typeof args[0] !== 'string') args.unshift('%O');
    let at = 0;
    args[0] = (args[0] as string).replace(/%([a-zA-Z%])/g, (sign, name: string) => {
      if (sign === '%%') return '%';
      at += 1;
      const formatter = createDebug.formatters[name];
      if (typeof formatter !== 'function') return sign;
      const [value] = args.splice(at, 1);
      at -= 1;
      return formatter.call(debug, value);
    });
    createDebug.formatArgs.call(debug, args);
    (debug.log ?? createDebug.log).apply(debug, args);
  }) as Colored;

  debug.namespace = namespace;
  debug.useColors = hasColors();
  debug.color = createDebug.selectColor(namespace);
  debug.extend = (name, delimiter = ':') => {
    const extended = createDebug(debug.namespace + delimiter + name);
    extended.log = debug.log;
    return extended;
  };
  // It does nothing, in `debug` either.
  debug.destroy = () => {};
  return Object.defineProperty(debug, 'enabled', {
    enumerable: true,
    get: () => {
      if (seen !== generation) {
        seen = generation;
        isOn = createDebug.enabled(namespace);
      }
      return forced ?? isOn;
    },
    set: (on) => (forced = on),
  });
}) as Debug;

Object.assign(createDebug, {
  debug: createDebug,
  default: createDebug,
  colors: COLORS,
  names: [],
  skips: [],
  formatters: {
    j: (value: unknown) => {
      try {
        return JSON.stringify(value);
      } catch (error) {
        return `[UnexpectedJSONParseError]: ${(error as Error).message}`;
      }
    },
  },

  log: console.debug,

  coerce: (value: unknown) => (value instanceof Error ? value.stack || value.message : value),

  disable: () => {
    const names = [...createDebug.names, ...createDebug.skips.map((name) => `-${name}`)];
    createDebug.enable('');
    return names.join(',');
  },

  /** Namespaces, parted by commas or spaces; `*` stands for anything, `-` before one takes it out. */
  enable: (namespaces: unknown) => {
    store(namespaces);
    createDebug.names = [];
    createDebug.skips = [];
    for (const name of typeof namespaces === 'string' ? namespaces.split(/[\s,]+/) : []) {
      if (name[0] === '-') createDebug.skips.push(name.slice(1));
      else if (name) createDebug.names.push(name);
    }
    generation += 1;
  },

  enabled: (name: string) =>
    !createDebug.skips.some((pattern) => isLike(name, pattern)) &&
    createDebug.names.some((pattern) => isLike(name, pattern)),

  formatArgs(this: Colored, args: unknown[]): void {
    const { namespace, color, diff, useColors } = this;
    const time = createDebug.humanize(diff);
    if (!useColors) {
      args[0] = `${namespace} ${args[0]} +${time}`;
      return;
    }
    const text = `%c${namespace} %c${args[0]}%c +${time}`;
    // The colour of the time comes behind the values of the text.
    const places = text.match(/%[a-zA-Z%]/g)!.filter((place) => place !== '%%');
    args.splice(0, 1, text, `color: ${color}`, 'color: inherit');
    args.splice(places.lastIndexOf('%c') + 1, 0, `color: ${color}`);
  },

  humanize: (value: number, options?: { long: boolean }) => {
    const size = Math.abs(value);
    const [name, unit] = UNITS.find(([, milliseconds]) => size >= milliseconds) ?? ['ms', 1];
    const count = Math.round(value / unit);
    if (!options?.long) return unit === 1 ? `${value}ms` : `${count}${name[0]}`;
    if (unit === 1) return `${value} ms`;
    return `${count} ${name}${size >= unit * 1.5 ? 's' : ''}`;
  },

  selectColor: (namespace: string) => {
    let hash = 0;
    for (let at = 0; at < namespace.length; at += 1) {
      hash = (hash * 31 + namespace.charCodeAt(at)) | 0;
    }
    return COLORS[Math.abs(hash) % COLORS.length];
  },
});

createDebug.enable(stored() as string);

/** Whether a namespace is what a pattern says. */
function isLike(name: string, pattern: string): boolean {
  const source = pattern.replace(/[^*]+|\*+/g, (part) =>
    part[0] === '*' ? '[^]*' : part.replace(/[$-+.?[-^{-}]/g, '\\$&'),
  );
  return new RegExp(`^${source}$`).test(name);
}

/** Whether the console knows `%c`. */
function hasColors(): boolean {
  return /firefox|applewebkit/i.test(globalThis.navigator?.userAgent);
}

/** What was stored by a page before, or said by the environment. */
function stored(): unknown {
  let found: string | null | undefined;
  try {
    found = localStorage.getItem('debug') || localStorage.getItem('DEBUG');
  } catch {
    // The page may have none, or may not look.
  }
  const { process } = globalThis as { process?: { env?: Record<string, string> } };
  return found || process?.env?.['DEBUG'];
}

function store(namespaces: unknown): void {
  try {
    if (namespaces) localStorage.setItem('debug', String(namespaces));
    else localStorage.removeItem('debug');
  } catch {
    // Then it is not remembered.
  }
}
