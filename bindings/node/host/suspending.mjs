// Sends requests from the thread that calls the component, which goes on meanwhile: jco
// suspends the component with JSPI.
import { Connections } from './connections.mjs';
import { Pending, converted, prepared, summed, take } from './pending.mjs';

/**
 * @typedef {import('./pending.mjs').Request} Request
 * @typedef {import('./pending.mjs').Outcome} Outcome
 * @typedef {import('./pending.mjs').Allows} Allows
 */

/** The connections of this thread. */
export const connections = new Connections();

/** Callbacks of the calls that wait, by request. @type {WeakMap<Pending, () => void>} */
const waiting = new WeakMap();

/** @param {Request} request @param {Allows} allows */
function start(request, allows) {
  const pending = new Pending();
  try {
    const { body, ...exchange } = prepared(request, allows);
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    pending.cancel = connections.send({ ...exchange, body: bytes }, (outcome) => {
      pending.outcome = converted(outcome);
      waiting.get(pending)?.();
    });
  } catch (failure) {
    if (failure instanceof Error) throw failure;
    pending.outcome = { tag: 'err', val: /** @type {import('./request.mjs').Failure} */ (failure) };
  }
  return pending;
}

/** Resolves when one of the requests has ended, or after this time. @param {Pending[]} requests @param {number} milliseconds */
function end(requests, milliseconds) {
  return /** @type {Promise<void>} */ (
    new Promise((resolve) => {
      const timer = milliseconds < 2 ** 31 ? setTimeout(resolve, milliseconds) : undefined;
      const wake = () => {
        clearTimeout(timer);
        resolve();
      };
      for (const request of requests) waiting.set(request, wake);
    })
  );
}

/** Returns `dapr-wasm:host/http-client` with these addresses. @param {Allows} allows */
export const httpClient = (allows) => ({
  Pending,
  /** @param {Request} request */
  start: (request) => start(request, allows),
  /** @param {Request} request */
  send: async (request) => {
    const pending = start(request, allows);
    // The limits of the request end it.
    while (pending.outcome === undefined) await end([pending], Infinity);
    if (pending.outcome.tag === 'ok') return summed(pending.outcome.val);
    throw pending.outcome.val;
  },
  /** @param {Pending[]} requests @param {bigint} timeout */
  waitAny: async (requests, timeout) => {
    const due = performance.now() + Number(timeout) / 1e6;
    for (;;) {
      const taken = take(requests);
      if (taken) return taken;
      const left = due - performance.now();
      if (left <= 0) return undefined;
      await end(requests, left);
    }
  },
});
