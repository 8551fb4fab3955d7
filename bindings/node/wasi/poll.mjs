// wasi:io/poll and wasi:clocks. The thread waits in only one place. It wakes up when the
// sender delivers a response, or at a point in time.
import { receive, wait } from '../host/blocking.mjs';

export class Pollable {
  #ready;
  /** The time at which it becomes ready in any case, in nanoseconds of the monotonic clock. */
  due;

  /** @param {() => boolean} ready @param {bigint} [due] */
  constructor(ready, due) {
    this.#ready = ready;
    this.due = due;
  }

  ready() {
    receive();
    return this.#ready();
  }

  block() {
    poll([this]);
  }
}

/** Waits until at least one is ready and returns their indexes. @param {Pollable[]} pollables */
export function poll(pollables) {
  const ready = () => {
    const indexes = pollables.flatMap((pollable, index) => (pollable.ready() ? [index] : []));
    return indexes.length > 0 ? Uint32Array.from(indexes) : undefined;
  };
  for (;;) {
    const left = pollables.map(({ due }) => (due === undefined ? Infinity : Number(due - now()) / 1e6));
    const found = wait(ready, Math.max(0, Math.min(...left)));
    if (found) return found;
  }
}

const now = () => process.hrtime.bigint();

export const monotonicClock = {
  now,
  /** @param {bigint} instant */
  subscribeInstant: (instant) => new Pollable(() => now() >= instant, instant),
};
