// Requests over the agents of node:http and node:https. No request is sent twice: a component
// does not repeat a write of unknown outcome. An idle connection is looked at before its next
// request, because a request on one that the server has closed would be lost.
import * as http from 'node:http';
import * as https from 'node:https';
import { broken, unconnected } from './failure.mjs';
import { lookupExternal } from './internal.mjs';

/**
 * @typedef {import('./request.mjs').Failure} Failure
 * @typedef {{ status: number, headers: string[], body: Uint8Array }} Response The names and values of its fields take turns.
 * @typedef {{ response: Response } | { failure: Failure }} Outcome
 *
 * @typedef {object} Exchange
 * @property {'http' | 'https'} scheme
 * @property {string} host
 * @property {number} port
 * @property {boolean} external True if the name must not resolve to an internal address.
 * @property {string} method
 * @property {string} path
 * @property {string[]} headers Names and values take turns.
 * @property {Uint8Array} body
 * @property {number} connectTimeout In milliseconds.
 * @property {number} timeout In milliseconds.
 */

/**
 * The default idle timeout of connections, in milliseconds; the same as in dapr-wasm-host.
 * Load balancers and NAT gateways drop idle connections silently; those of AWS after 350 s.
 */
export const IDLE_TIMEOUT = 20_000;

/**
 * The most connections to one host and port, for each kind of rule that allows it. Further requests wait for one. There is no
 * limit over all hosts: Node's agent would not close idle connections to others, so a request would wait for ever.
 */
const MOST_CONNECTIONS = 512;

/** The longest body of a response, in bytes. A response of DynamoDB has at most 16 MB. */
const LONGEST_BODY = 128 * 1024 * 1024;

/** The longest head of a response, in bytes; also of the trailers. */
const LONGEST_HEAD = 64 * 1024;

const LINE_FEED = 10;

const AGENT = {
  keepAlive: true,
  maxSockets: MOST_CONNECTIONS,
  maxFreeSockets: MOST_CONNECTIONS,
  scheduling: /** @type {const} */ ('lifo'),
  timeout: IDLE_TIMEOUT,
};

/** The sockets whose connection is open, including its TLS. @type {WeakSet<import('node:net').Socket>} */
const opened = new WeakSet();

/** Closes an idle connection on which the server sends. @this {import('node:net').Socket} */
function unasked() {
  this.destroy();
}

/**
 * Adds to an agent of Node how it treats idle connections.
 *
 * @template {new (...given: any[]) => http.Agent} Base
 * @param {Base} agent
 * @param {'connect' | 'secureConnect'} open The event of an open connection.
 */
const watching = (agent, open) =>
  class extends agent {
    open = open;

    /** @returns {{ timeout: number }} */
    get #settings() {
      return /** @type {any} */ (this).options;
    }

    /** @param {any[]} given @returns {any} */
    createConnection(...given) {
      const socket = /** @type {any} */ (super.createConnection(.../** @type {[any]} */ (given)));
      // Between two requests, Node has no listener for errors for a moment.
      return socket.once(open, () => opened.add(socket)).on('error', () => {});
    }

    /** @param {import('node:net').Socket} socket @returns {any} */
    keepSocketAlive(socket) {
      const kept = /** @type {any} */ (super.keepSocketAlive(/** @type {any} */ (socket)));
      if (this.#settings.timeout === 0 || !kept) return false;
      socket.on('data', unasked);
      return true;
    }

    /** @param {any} socket @param {http.ClientRequest} request */
    reuseSocket(socket, request) {
      socket.off('data', unasked);
      super.reuseSocket(socket, request);
    }

    /** Returns the idle connections to the host of an exchange. @param {Exchange} exchange */
    idle({ host, port }) {
      return this.freeSockets[this.getName({ host, port })] ?? [];
    }

    /** Sets the idle timeout, and closes the idle connections. @param {number} milliseconds */
    setIdleTimeout(milliseconds) {
      this.#settings.timeout = milliseconds;
      for (const socket of Object.values(this.freeSockets).flat()) discard(socket);
    }
  };

/** Closes an idle connection, and takes it out of its agent at once. @param {import('node:net').Socket | undefined} socket */
function discard(socket) {
  socket?.destroy();
  socket?.emit('agentRemove');
}

const HttpAgent = watching(http.Agent, 'connect');
const HttpsAgent = watching(https.Agent, 'secureConnect');

const agents = (/** @type {http.AgentOptions & { lookup?: import('node:net').LookupFunction }} */ options) => ({
  http: new HttpAgent(options),
  https: new HttpsAgent({ ...options, ALPNProtocols: ['http/1.1'] }),
});

/** The connections of a thread. */
export class Connections {
  #any = agents(AGENT);
  /** No connection leads to an internal address. */
  #external = agents({ ...AGENT, lookup: lookupExternal });

  /**
   * Sends a request. Returns a function that gives it up and closes its connection.
   *
   * @param {Exchange} exchange
   * @param {(outcome: Outcome) => void} done Called once, unless the request was given up.
   */
  send(exchange, done) {
    const agent = (exchange.external ? this.#external : this.#any)[exchange.scheme];
    let cancel = () => clearImmediate(turn);
    const begin = () => {
      cancel = begun(agent, exchange, done);
    };
    // An idle connection may be closed or too old without Node having seen it, for example after
    // the process was suspended. In the second turn, Node has looked at all timers and sockets.
    let turn = setImmediate(() => {
      if (agent.idle(exchange).length === 0) return begin();
      turn = setImmediate(() => {
        for (const socket of [...agent.idle(exchange)]) if (socket.readyState !== 'open' || socket.readableEnded) discard(socket);
        begin();
      });
    });
    return () => cancel();
  }

  /** Sets the idle timeout, and closes the idle connections. @param {number} milliseconds */
  setIdleTimeout(milliseconds) {
    for (const agents of [this.#any, this.#external]) {
      for (const agent of Object.values(agents)) agent.setIdleTimeout(milliseconds);
    }
  }
}

/**
 * @param {InstanceType<typeof HttpAgent> | InstanceType<typeof HttpsAgent>} agent
 * @param {Exchange} exchange
 * @param {(outcome: Outcome) => void} done
 */
function begun(agent, exchange, done) {
  const { scheme, host, port, method, path, headers, connectTimeout, timeout } = exchange;
  /** @type {Uint8Array | undefined} */
  let unsent = exchange.body;
  const due = performance.now() + timeout;
  let ended = false;
  let connected = false;
  /** @type {http.ClientRequest} */
  let request;
  /** @type {import('node:net').Socket | undefined} */
  let socket;
  /** The bytes of the connection that arrived last. @type {Buffer | undefined} */
  let last;
  const arrived = (/** @type {Buffer} */ bytes) => {
    last = bytes;
  };
  const end = () => {
    const first = !ended;
    ended = true;
    // Node keeps a request that waits for a connection until it gets one.
    unsent = undefined;
    clearTimeout(timer);
    socket?.off('data', arrived);
    // This closes the connection unless the exchange was whole: then the agent has it.
    request?.destroy();
    return first;
  };
  const fail = (/** @type {Failure} */ failure) => {
    if (end()) done({ failure });
  };
  const ready = () => {
    connected = true;
    clearTimeout(timer);
    if (!ended) timer = setTimeout(fail, due - performance.now(), { tag: 'timeout' });
  };
  // Nothing has been sent when this time is over, also if the time of the whole request is.
  let timer = setTimeout(fail, Math.min(connectTimeout, timeout), { tag: 'connect-timeout' });
  try {
    const options = { agent, host, port, method, path, headers, maxHeaderSize: LONGEST_HEAD, insecureHTTPParser: false };
    request = (scheme === 'http' ? http : https).request(/** @type {http.RequestOptions} */ (/** @type {unknown} */ (options)));
  } catch (error) {
    fail({ tag: 'invalid-request', val: String(error) });
    return end;
  }
  request.maxHeadersCount = 0; // beyond 1000, Node would drop fields; the size is the limit
  request.once('socket', (given) => {
    if (ended) return;
    socket = given.prependListener('data', arrived);
    if (opened.has(given)) ready();
    else given.once(agent.open, ready);
    request.end(unsent);
  });
  request.on('error', (error) => fail(connected ? broken(error) : unconnected(error, scheme)));
  request.once('upgrade', (_, socket) => {
    socket.destroy();
    fail({ tag: 'damaged', val: 'http upgrade failed' }); // nobody has asked for one
  });
  request.once('response', (response) => {
    const cause = invalid(response, method);
    if (cause !== undefined) return fail({ tag: 'damaged', val: cause });
    /** @type {Buffer[]} */
    const pieces = [];
    let length = 0;
    response.on('data', (/** @type {Buffer} */ piece) => {
      length += piece.length;
      if (length > LONGEST_BODY) fail({ tag: 'damaged', val: 'http response body size' });
      else pieces.push(piece);
    });
    response.once('error', () => fail({ tag: 'connection-lost', val: 'incomplete HTTP response' }));
    response.once('end', () => {
      // Node drops the beginning of a further response, and would read its rest as the next one.
      if (!endsWith(last, response, pieces.at(-1))) socket?.destroy();
      const [first, ...others] = pieces;
      const body = first && others.length === 0 ? first : Buffer.concat(pieces, length);
      if (end()) done({ response: { status: response.statusCode ?? 0, headers: response.rawHeaders, body } });
    });
  });
  return end;
}

/**
 * Returns true if these bytes end with the response.
 *
 * @param {Buffer | undefined} bytes
 * @param {http.IncomingMessage} response
 * @param {Buffer | undefined} piece The last piece of the body, a copy from these bytes.
 */
function endsWith(bytes, { headers }, piece) {
  if (bytes === undefined) return true;
  if (piece === undefined || headers['transfer-encoding'] !== undefined) return bytes.at(-1) === LINE_FEED;
  return bytes.subarray(bytes.length - piece.length).equals(piece);
}

/** Returns why a response is refused, if it is. @param {http.IncomingMessage} response @param {string} method */
function invalid({ statusCode = 0, httpVersion, headers }, method) {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'not an HTTP/1.1 response';
  if (statusCode === 101) return 'http upgrade failed';
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersion === '1.0')) return 'http response transfer coding';
  const bodiless = method === 'HEAD' || statusCode === 204 || statusCode === 304;
  if (!bodiless && Number(headers['content-length'] ?? 0) > LONGEST_BODY) return 'http response body size';
  return undefined;
}
