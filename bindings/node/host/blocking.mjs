// Sends requests from a thread that waits for the responses. A request crosses to the sender's
// thread once.
import { MessageChannel, Worker, receiveMessageOnPort } from 'node:worker_threads';
import { IDLE_TIMEOUT } from './connections.mjs';
import { Pending, prepared, response, summed, take } from './pending.mjs';
import { Ring } from './ring.mjs';
import { KINDS } from './sender.mjs';

/**
 * @typedef {import('./pending.mjs').Request} Request
 * @typedef {import('./pending.mjs').Outcome} Outcome
 * @typedef {import('./pending.mjs').Allows} Allows
 */

/** The time after a request's own limits at which a sender that does not answer is given up, in milliseconds. */
const GRACE = 5_000;

/** @type {ReturnType<typeof started> | undefined} */
let running;
let idleTimeout = IDLE_TIMEOUT;

/** Starts the sender of this thread, if it has not been started. */
export const sender = () => (running ??= started());

function started() {
  const { port1: large, port2 } = new MessageChannel();
  const memories = { requests: Ring.memory(), outcomes: Ring.memory() };
  const signals = new Int32Array(new SharedArrayBuffer(12));
  const worker = new Worker(new URL('./sender.mjs', import.meta.url), {
    workerData: { ...memories, signals, large: port2, idleTimeout },
    transferList: [port2],
    // The thread must not inherit Node's options: with `--input-type` it would not start.
    execArgv: [],
  });
  worker.unref();
  const it = {
    worker,
    requests: new Ring(memories.requests),
    outcomes: new Ring(memories.outcomes),
    signals,
    large,
    /** The number of large outcomes that were taken. */
    taken: 0,
    /** @type {Map<number, Pending>} */
    awaited: new Map(),
    last: 0,
  };
  worker.on('error', (error) => process.emitWarning(`the thread that sends requests failed: ${error.stack}`));
  worker.once('exit', () => lose(it));
  return it;
}

/** Fails the requests of a sender that has ended. The next request starts another one. @param {ReturnType<typeof started>} ended */
function lose(ended) {
  if (running === ended) running = undefined;
  for (const pending of ended.awaited.values()) {
    pending.outcome = { tag: 'err', val: { tag: 'connection-lost', val: 'the thread that sends requests has ended' } };
  }
  ended.awaited.clear();
}

/** @type {typeof import('../imports.d.mts').setIdleTimeout} */
export const setIdleTimeout = (milliseconds) => {
  idleTimeout = milliseconds;
  running?.worker.postMessage({ idleTimeout });
};

/**
 * Sends a request and does not wait.
 *
 * @param {Request} request
 * @param {Allows} allows
 */
export function start(request, allows) {
  const pending = new Pending();
  try {
    post(prepared(request, allows), pending);
  } catch (failure) {
    if (failure instanceof Error) throw failure;
    pending.outcome = { tag: 'err', val: /** @type {import('./request.mjs').Failure} */ (failure) };
  }
  return pending;
}

/** @param {ReturnType<typeof prepared>} request @param {Pending} pending */
function post({ scheme, host, port, external, method, path, headers, body, length, connectTimeout, timeout }, pending) {
  receive(); // a sender that has ended gets no request
  const to = sender();
  const id = (to.last = (to.last + 1) | 0);
  const numbers = [id, port, Number(external), connectTimeout, timeout];
  const text = [scheme, host, method, path, ...headers].join('\n');
  to.awaited.set(id, pending);
  pending.cancel = () => {
    if (to.awaited.delete(id)) to.worker.postMessage({ cancelled: id });
  };
  if (to.requests.write(numbers, text, body, length)) {
    to.worker.postMessage(undefined);
  } else {
    const data = typeof body === 'string' ? Buffer.from(body) : body;
    // The component's body is a copy of its memory, so it can be moved instead of copied again.
    const whole = data.length === data.buffer.byteLength && data.buffer instanceof ArrayBuffer;
    to.worker.postMessage({ numbers, text, data }, whole ? [data.buffer] : []);
  }
}

/** Delivers the outcomes that have arrived. */
export function receive() {
  const from = sender();
  for (let entry; (entry = from.outcomes.read()); ) {
    const { numbers, bytes, textLength } = entry;
    deliver(numbers, bytes.toString('latin1', 0, textLength), bytes.subarray(textLength));
  }
  while (from.taken !== Atomics.load(from.signals, 1)) {
    const { numbers, text, data } = receiveMessageOnPort(from.large)?.message;
    from.taken = (from.taken + 1) | 0;
    deliver(numbers, text, data);
  }
  if (Atomics.load(from.signals, 2) === 1) lose(from);
}

/** @param {ArrayLike<number>} numbers @param {string} text @param {Uint8Array} data */
function deliver({ 0: id = 0, 1: kind = 0, 2: status = 0 }, text, data) {
  const { awaited } = sender();
  const pending = awaited.get(id);
  if (!pending) return; // cancelled
  awaited.delete(id);
  const tag = KINDS[kind] ?? 'connection-lost';
  if (tag === 'response') {
    pending.outcome = response(status, text === '' ? [] : text.split('\n'), data);
  } else if (tag === 'timeout' || tag === 'connect-timeout') pending.outcome = { tag: 'err', val: { tag } };
  else pending.outcome = { tag: 'err', val: { tag, val: Buffer.from(data).toString() } };
}

/**
 * Waits until `ended` returns a value, and returns it; undefined after this time.
 *
 * @template T
 * @param {() => T | undefined} ended
 * @param {number} milliseconds
 */
export function wait(ended, milliseconds) {
  const due = performance.now() + milliseconds;
  for (;;) {
    const { signals } = sender();
    const seen = Atomics.load(signals, 0);
    receive();
    const value = ended();
    if (value !== undefined) return value;
    const left = due - performance.now();
    if (left <= 0) return undefined;
    Atomics.wait(signals, 0, seen, left);
  }
}

/** Returns `dapr-wasm:host/http-client` with these addresses. @param {Allows} allows */
export const httpClient = (allows) => ({
  Pending,
  /** @param {Request} request */
  start: (request) => start(request, allows),
  /** @param {Request} request */
  send: (request) => {
    const pending = start(request, allows);
    const limit = Number(request.connectTimeout + request.timeout) / 1e6 + GRACE;
    const outcome = wait(() => pending.outcome, limit);
    if (outcome?.tag === 'ok') return summed(outcome.val);
    if (outcome) throw outcome.val;
    // The sender does not keep its own limits, so it has ended without a signal, or hangs. `waitAny`
    // does not see this; a thread that makes only bulk calls sees it when its event loop turns.
    const { worker } = sender();
    lose(sender());
    worker.terminate();
    throw { tag: 'timeout' };
  },
  /** @param {Pending[]} requests @param {bigint} timeout */
  waitAny: (requests, timeout) => wait(() => take(requests), Number(timeout) / 1e6),
});
