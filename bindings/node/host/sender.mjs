// The thread that sends the requests of another thread, which waits meanwhile. All instances of
// that thread share its connections. A request or response that does not fit into the shared
// memory is a message.
import { parentPort, workerData } from 'node:worker_threads';
import { Connections } from './connections.mjs';
import { Ring } from './ring.mjs';

/**
 * @typedef {object} Setup
 * @property {SharedArrayBuffer} requests The memory of a ring. Numbers: the request, the port, whether the name must not
 *   resolve to an internal address, the connect timeout and the timeout. Lines of the text: the scheme, the host, the
 *   method, the path, and the names and values of the fields.
 * @property {SharedArrayBuffer} outcomes The memory of a ring. Numbers: the request, the kind and the status.
 * @property {import('node:worker_threads').MessagePort} large Outcomes that do not fit, with the same three parts.
 * @property {Int32Array} signals The number of outcomes, that of large ones among them, and 1 after the end of the thread.
 * @property {number} idleTimeout In milliseconds.
 *
 * @typedef {{ numbers: number[], text: string, data: Uint8Array }} Large
 * @typedef {{ cancelled: number } | { idleTimeout: number } | Large} Order
 */

/** The kinds of outcomes. Text and data are the fields and the body, or nothing and the cause. */
export const KINDS = /** @type {const} */ ([
  'response',
  'denied',
  'invalid-request',
  'name-not-resolved',
  'no-connection',
  'tls-failed',
  'certificate-not-trusted',
  'connection-lost',
  'damaged',
  'connect-timeout',
  'timeout',
]);

if (parentPort && workerData?.requests) serve(parentPort, workerData);

/** @param {import('node:worker_threads').MessagePort} port @param {Setup} setup */
function serve(port, { large, signals, ...setup }) {
  const requests = new Ring(setup.requests);
  const outcomes = new Ring(setup.outcomes);
  const connections = new Connections();
  connections.setIdleTimeout(setup.idleTimeout);
  /** @type {Map<number, () => void>} */
  const underWay = new Map();

  process.once('exit', () => {
    Atomics.store(signals, 2, 1);
    signal();
  });
  port.on('message', (/** @type {Order | undefined} */ order) => {
    if (order === undefined) {
      // There is one such message for each request in the memory.
      const entry = requests.read();
      if (entry) begin(entry.numbers, entry.bytes.toString('latin1', 0, entry.textLength), entry.bytes.subarray(entry.textLength));
    } else if ('numbers' in order) begin(order.numbers, order.text, order.data);
    else if ('idleTimeout' in order) connections.setIdleTimeout(order.idleTimeout);
    else {
      underWay.get(order.cancelled)?.();
      underWay.delete(order.cancelled);
    }
  });

  /** @param {ArrayLike<number>} numbers @param {string} text @param {Uint8Array} body */
  function begin({ 0: id = 0, 1: port = 0, 2: external, 3: connectTimeout = 0, 4: timeout = 0 }, text, body) {
    const [scheme, host = '', method = '', path = '', ...headers] = text.split('\n');
    const origin = { scheme: /** @type {'http' | 'https'} */ (scheme), host, port, external: external === 1 };
    const exchange = { ...origin, method, path, headers, body, connectTimeout, timeout };
    const cancel = connections.send(exchange, (outcome) => {
      underWay.delete(id);
      tell(id, outcome);
    });
    underWay.set(id, cancel);
  }

  /** @param {number} id @param {import('./connections.mjs').Outcome} outcome */
  function tell(id, outcome) {
    if ('failure' in outcome) {
      const { failure } = outcome;
      const cause = Buffer.from('val' in failure ? failure.val : '');
      put([id, KINDS.indexOf(failure.tag)], '', cause);
    } else {
      const { status, headers, body } = outcome.response;
      put([id, 0, status], headers.join('\n'), body);
    }
    signal();
  }

  function signal() {
    Atomics.add(signals, 0, 1);
    Atomics.notify(signals, 0);
  }

  /** @param {number[]} numbers @param {string} text @param {Uint8Array} data */
  function put(numbers, text, data) {
    if (outcomes.write(numbers, text, data, data.length)) return;
    // A large body has its memory to itself, so it can be moved instead of copied.
    const whole = data.length === data.buffer.byteLength && data.buffer instanceof ArrayBuffer;
    large.postMessage({ numbers, text, data }, whole ? [data.buffer] : []);
    Atomics.add(signals, 1, 1);
  }
}
