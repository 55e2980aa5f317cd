// A virtual clock: timers, the date and `performance.now()` go on only when a test says so.

/** Takes the clock of this test (`t` of node:test) into its own hands. */
export function virtualClock(t) {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: 1_000_000 });
  t.mock.method(performance, 'now', () => Date.now() - 1_000_000);
  return {
    /** Milliseconds since the test began. */
    get now() {
      return performance.now();
    },
    /** Lets time pass, and what is due happen, in steps: what comes of it may be due, too.
     * Without any time, what is due now happens. */
    async advance(milliseconds) {
      const end = this.now + milliseconds;
      do {
        t.mock.timers.tick(Math.min(100, end - this.now));
        await settled();
      } while (this.now < end);
    },
  };
}

/** Waits until nothing is left to do at this time. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}
