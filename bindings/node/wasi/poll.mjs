// wasi:io/poll and wasi:clocks. The thread waits in only one place. It wakes up when the
// sender delivers a response, or at a point in time.
import { MessageChannel, Worker, receiveMessageOnPort } from 'node:worker_threads';

/** @typedef {import('./sender.mjs').Answer} Answer */
/** @typedef {import('./sender.mjs').ErrorCode} ErrorCode */
/** @typedef {{ id: number, answer?: Answer, error?: ErrorCode }} Outcome */

const { port1: answers, port2 } = new MessageChannel();
const arrived = new Int32Array(new SharedArrayBuffer(4));
const sender = new Worker(new URL('./sender.mjs', import.meta.url), {
  workerData: { answers: port2, arrived },
  transferList: [port2],
  // The thread must not inherit Node's options: with `--input-type` it would not start.
  execArgv: [],
});
sender.unref();

/** @type {Map<number, (outcome: Outcome) => void>} */
const awaited = new Map();
let last = 0;

/**
 * Sends a request and does not wait.
 *
 * @param {Omit<import('./sender.mjs').Request, 'id'>} request
 * @param {(outcome: Outcome) => void} done
 */
export function send(request, done) {
  const id = ++last;
  awaited.set(id, done);
  sender.postMessage({ id, ...request });
  return id;
}

/** Drops a request and closes its connection. @param {number} id */
export function cancel(id) {
  if (awaited.delete(id)) sender.postMessage({ cancelled: id });
}

/** @type {typeof import('../imports.d.mts').setIdleTimeout} */
export const setIdleTimeout = (milliseconds) => sender.postMessage({ idleTimeout: milliseconds });

/** Delivers the responses that have arrived. */
export function receive() {
  for (let received; (received = receiveMessageOnPort(answers)); ) {
    const { message } = received;
    awaited.get(message.id)?.(message);
    awaited.delete(message.id);
  }
}

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
  for (;;) {
    const seen = Atomics.load(arrived, 0);
    const ready = pollables.flatMap((pollable, index) => (pollable.ready() ? [index] : []));
    if (ready.length > 0) return Uint32Array.from(ready);
    const left = pollables.map(({ due }) => (due === undefined ? Infinity : Number(due - now()) / 1e6));
    Atomics.wait(arrived, 0, seen, Math.max(0, Math.min(...left)));
  }
}

const now = () => process.hrtime.bigint();

export const monotonicClock = {
  now,
  /** @param {bigint} instant */
  subscribeInstant: (instant) => new Pollable(() => now() >= instant, instant),
};
