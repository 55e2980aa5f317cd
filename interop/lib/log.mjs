// A list that grows while a test waits for something to appear in it.

/** How long a test waits for one thing, unless it says otherwise: far more than any peer needs. */
export const PATIENCE = 20_000;

/** Prints what these logs had last, for who looks into a test that failed. */
export function print(logs) {
  for (const log of logs) console.error(`${log.name} said:\n${log.dump(400)}`);
}

export class Log {
  entries = [];
  /** Where `find` begins, unless told otherwise. */
  cursor = 0;
  #waiting = new Set();
  #ended;

  /** `name` says in error messages whose log this is. */
  constructor(name) {
    this.name = name;
  }

  push(entry) {
    this.entries.push(entry);
    for (const waiter of [...this.#waiting]) waiter.look();
  }

  /** Nothing more will come, because of `reason`: who still waits is told so. */
  close(reason) {
    this.#ended = reason;
    for (const waiter of [...this.#waiting]) waiter.look();
  }

  /** What was there until now is not found any more. */
  forget() {
    this.cursor = this.entries.length;
  }

  /**
   * The first entry from index `from` on that `matches`, now or later. Rejects after `patience`
   * milliseconds, or when nothing more can come, with all that was there instead.
   */
  find(what, matches, { from = this.cursor, patience = PATIENCE } = {}) {
    return new Promise((resolve, reject) => {
      const waiter = { at: from };
      const done = (settle, value) => {
        clearTimeout(waiter.timer);
        this.#waiting.delete(waiter);
        settle(value);
      };
      const fail = (why) =>
        done(reject, new Error(`${this.name}: no ${what} ${why}; there was:\n${this.dump()}`));
      waiter.look = () => {
        for (; waiter.at < this.entries.length; waiter.at += 1) {
          if (matches(this.entries[waiter.at])) return done(resolve, this.entries[waiter.at]);
        }
        if (this.#ended) fail(`and ${this.#ended}`);
      };
      waiter.timer = setTimeout(() => fail(`within ${patience} ms`), patience);
      this.#waiting.add(waiter);
      waiter.look();
    });
  }

  /** The same, and then begins behind it. */
  async next(what, matches, options) {
    const entry = await this.find(what, matches, options);
    this.cursor = this.entries.indexOf(entry) + 1;
    return entry;
  }

  /** Its end, a line each. */
  dump(count = 60) {
    const shown = this.entries.slice(-count).map((entry) =>
      '  ' + (entry.text === undefined ? JSON.stringify(entry) : entry.text),
    );
    return shown.join('\n') || '  nothing';
  }
}
