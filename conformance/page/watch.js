// A list of what has happened, and who waits for more of it.

/** How long a story waits for one thing: more than any peer here needs. */
export const PATIENCE = 8000;

export class Watch {
  #seen = [];
  #waiting = new Set();

  constructor(name) {
    this.name = name;
  }

  push(kind, value) {
    this.#seen.push({ kind, value });
    for (const look of [...this.#waiting]) look();
  }

  count(kind) {
    return this.#seen.filter((entry) => entry.kind === kind).length;
  }

  /** The value of the last thing of this kind, if there is one. */
  last(kind) {
    return this.#seen.findLast((entry) => entry.kind === kind)?.value;
  }

  /** The value of the `nth` thing of this kind (counted from 1), now or later. */
  saw(kind, nth = 1) {
    return new Promise((resolve, reject) => {
      const look = () => {
        const entry = this.#seen.filter((seen) => seen.kind === kind)[nth - 1];
        if (!entry) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(entry.value);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`${this.name}: no ${kind}${nth > 1 ? ` number ${nth}` : ''}`));
      }, PATIENCE);
      this.#waiting.add(look);
      look();
    });
  }
}
