// The emitter that every class with events extends: what the npm package `events` 3.3 gives, typed
// by a map of events. Different on purpose: a listener that throws is reported, and stops neither
// the other listeners nor the call.
//
// No `#private` members here, nor in what extends this: applications wrap these objects in proxies
// (Vue does), and a proxy has no private members.

/** Listeners by the name of their event. */
export type EventMap<M> = { [K in keyof M]: Listener };

// Only `any` takes listeners of every kind and still lets a bare one be written without types.
export type Listener = (...args: any[]) => void;

/** What `once` puts in the list: it knows the listener that it stands for. */
type Registered = Listener & { listener?: Listener };
type Registry = { [type: string | symbol]: (Registered[] & { warned?: boolean }) | undefined };

/** An event that is not in the map: nothing is known of its listeners. */
type Unknown<T, M> = T extends keyof M ? never : T;

let defaultMaxListeners = 10;

export class EventEmitter<M extends EventMap<M> = Record<string, Listener>> {
  /** @internal */
  _events: Registry = Object.create(null);
  /** @internal */
  _maxListeners: number | undefined = undefined;

  /** How many listeners of one event are no leak: 10; 0: any number. */
  static get defaultMaxListeners(): number {
    return defaultMaxListeners;
  }
  static set defaultMaxListeners(count: number) {
    checkCount('defaultMaxListeners', count);
    defaultMaxListeners = count;
  }

  on<K extends keyof M>(type: K, listener: M[K]): this;
  on<T extends string | symbol>(type: Unknown<T, M>, listener: Listener): this;
  on(type: PropertyKey, listener: Listener): this {
    return this._add(type, listener, false);
  }

  addListener<K extends keyof M>(type: K, listener: M[K]): this;
  addListener(type: string | symbol, listener: Listener): this;
  addListener(type: PropertyKey, listener: Listener): this {
    return this._add(type, listener, false);
  }

  prependListener<K extends keyof M>(type: K, listener: M[K]): this;
  prependListener(type: string | symbol, listener: Listener): this;
  prependListener(type: PropertyKey, listener: Listener): this {
    return this._add(type, listener, true);
  }

  once<K extends keyof M>(type: K, listener: M[K]): this;
  once(type: string | symbol, listener: Listener): this;
  once(type: PropertyKey, listener: Listener): this {
    return this._add(type, this._onceOnly(type, listener), false);
  }

  prependOnceListener<K extends keyof M>(type: K, listener: M[K]): this;
  prependOnceListener(type: string | symbol, listener: Listener): this;
  prependOnceListener(type: PropertyKey, listener: Listener): this {
    return this._add(type, this._onceOnly(type, listener), true);
  }

  off<K extends keyof M>(type: K, listener: M[K]): this;
  off(type: string | symbol, listener: Listener): this;
  off(type: PropertyKey, listener: Listener): this {
    return this.removeListener(type as string, listener);
  }

  /** Removes the listener that was added last; `removeListener` is emitted when it was there. */
  removeListener<K extends keyof M>(type: K, listener: M[K]): this;
  removeListener(type: string | symbol, listener: Listener): this;
  removeListener(type: PropertyKey, listener: Listener): this {
    checkListener(listener);
    const list = this._events[type as string];
    if (!list) return this;
    let at = list.length - 1;
    while (at >= 0 && list[at] !== listener && list[at]?.listener !== listener) at -= 1;
    const [removed] = at < 0 ? [] : list.splice(at, 1);
    if (!removed) return this;
    if (list.length === 0) delete this._events[type as string];
    if (this._events['removeListener']) {
      this._emit('removeListener', [type, removed.listener ?? listener]);
    }
    return this;
  }

  removeAllListeners(...types: [type?: keyof M | string | symbol]): this {
    const heard = this._events['removeListener'] !== undefined;
    if (types.length > 0) {
      const type = types[0] as string;
      if (heard) for (const one of [...(this._events[type] ?? [])].reverse()) this.off(type, one);
      else delete this._events[type];
      return this;
    }
    if (heard) {
      for (const type of Object.keys(this._events)) {
        if (type !== 'removeListener') this.removeAllListeners(type);
      }
      this.removeAllListeners('removeListener');
    }
    this._events = Object.create(null);
    return this;
  }

  /** Calls the listeners that are there now, in their order; whether there is one. */
  emit<K extends keyof M>(type: K, ...args: Parameters<M[K]>): boolean;
  emit<T extends string | symbol>(type: Unknown<T, M>, ...args: unknown[]): boolean;
  emit(type: PropertyKey, ...args: unknown[]): boolean {
    return this._emit(type, args);
  }

  listeners(type: keyof M | string | symbol): Listener[] {
    return this.rawListeners(type).map((one: Registered) => one.listener ?? one);
  }

  /** With the wrappers of `once`. */
  rawListeners(type: keyof M | string | symbol): Listener[] {
    return [...(this._events[type as string] ?? [])];
  }

  listenerCount(type: keyof M | string | symbol): number {
    return this._events[type as string]?.length ?? 0;
  }

  eventNames(): (string | symbol)[] {
    return Reflect.ownKeys(this._events);
  }

  setMaxListeners(count: number): this {
    checkCount('n', count);
    this._maxListeners = count;
    return this;
  }

  getMaxListeners(): number {
    return this._maxListeners ?? defaultMaxListeners;
  }

  private _emit(type: PropertyKey, args: unknown[]): boolean {
    const list = this._events[type as string];
    if (!list) {
      if (type === 'error') throw unhandled(args[0]);
      return false;
    }
    // A copy: listeners may come and go meanwhile.
    for (const listener of [...list]) {
      try {
        listener.apply(this, args);
      } catch (error) {
        report(error);
      }
    }
    return true;
  }

  private _add(type: PropertyKey, listener: Registered, first: boolean): this {
    checkListener(listener);
    if (this._events['newListener']) {
      this._emit('newListener', [type, listener.listener ?? listener]);
    }
    const list = (this._events[type as string] ??= []);
    if (first) list.unshift(listener);
    else list.push(listener);
    const most = this.getMaxListeners();
    if (most > 0 && list.length > most && !list.warned) {
      list.warned = true;
      warn(this, type, list.length);
    }
    return this;
  }

  private _onceOnly(type: PropertyKey, listener: Listener): Registered {
    checkListener(listener);
    let called = false;
    const once: Registered = (...args: unknown[]) => {
      if (called) return;
      called = true;
      this.removeListener(type as string, once);
      listener.apply(this, args);
    };
    once.listener = listener;
    return once;
  }
}

/** Tells the page or the process of an error that nobody catches, and goes on. */
export function report(error: unknown): void {
  if (typeof globalThis.reportError === 'function') globalThis.reportError(error);
  else console.error(error);
}

function checkListener(listener: unknown): asserts listener is Listener {
  if (typeof listener === 'function') return;
  throw new TypeError(
    `The "listener" argument must be of type Function. Received type ${typeof listener}`,
  );
}

function checkCount(name: string, count: unknown): void {
  if (typeof count === 'number' && count >= 0) return;
  throw new RangeError(
    `The value of "${name}" is out of range. It must be a non-negative number. Received ${count}.`,
  );
}

function unhandled(context: unknown): Error {
  if (context instanceof Error) return context;
  const message = (context as { message?: unknown } | undefined)?.message;
  const error = new Error(`Unhandled error.${context ? ` (${message})` : ''}`);
  return Object.assign(error, { context });
}

function warn(emitter: EventEmitter<never>, type: PropertyKey, count: number): void {
  const warning = new Error(
    `Possible EventEmitter memory leak detected. ${count} ${String(type)} listeners added. ` +
      'Use emitter.setMaxListeners() to increase limit',
  );
  warning.name = 'MaxListenersExceededWarning';
  console.warn(Object.assign(warning, { emitter, type, count }));
}
