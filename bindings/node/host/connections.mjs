// Connections, and the requests on them. A connection is used again only after a whole
// response, and not after it was idle for too long or the server has closed it. A request on
// such a connection could be lost, and a component does not repeat a write of unknown outcome.
import { connect as connectTcp, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { unconnected } from './failure.mjs';
import { ResponseReader } from './response.mjs';

/**
 * @typedef {import('./request.mjs').Origin} Origin
 * @typedef {import('./request.mjs').Failure} Failure
 * @typedef {import('./response.mjs').Response} Response
 * @typedef {{ response: Response } | { failure: Failure }} Outcome
 *
 * @typedef {object} Exchange
 * @property {Origin} origin
 * @property {Uint8Array[]} bytes The request, in one or two pieces.
 * @property {boolean} bodiless True if the response has no body whatever its head says.
 * @property {number} connectTimeout In milliseconds.
 * @property {number} timeout In milliseconds.
 */

/**
 * The default idle timeout of connections, in milliseconds; the same as in dapr-wasm-host.
 * Load balancers and NAT gateways drop idle connections silently; those of AWS after 350 s.
 */
export const IDLE_TIMEOUT = 20_000;

const MOST_SESSIONS = 100;

/** One socket reads at a time, so all of them share the buffer. */
const RECEIVED = Buffer.allocUnsafeSlow(64 * 1024);

/** The open connections of a thread. */
export class Connections {
  idleTimeout = IDLE_TIMEOUT;
  /** By origin; the one that was used last comes last. @type {Map<string, Connection[]>} */
  idle = new Map();
  /** TLS sessions to resume, by origin. @type {Map<string, Buffer>} */
  sessions = new Map();

  /**
   * Sends a request. Returns a function that gives it up and closes its connection.
   *
   * @param {Exchange} exchange
   * @param {(outcome: Outcome) => void} done Called once, unless the request was given up.
   */
  send(exchange, done) {
    /** @type {Connection | undefined} */
    let connection;
    const begin = () => {
      try {
        connection = this.#reusable(exchange.origin) ?? new Connection(this, exchange.origin);
      } catch (error) {
        done({ failure: { tag: 'no-connection', val: String(error) } });
        return;
      }
      connection.begin(exchange, done);
    };
    // An idle connection may be closed or too old without Node having seen it, for example after
    // the process was suspended. In the second turn, Node looks at all timers and sockets.
    let turn = setImmediate(() => {
      if (this.idle.get(exchange.origin.key)?.length) turn = setImmediate(begin);
      else begin();
    });
    return () => {
      clearImmediate(turn);
      connection?.cancel(done);
    };
  }

  /** @param {Origin} origin */
  #reusable(origin) {
    const idle = this.idle.get(origin.key);
    for (let connection; (connection = idle?.pop()); ) if (connection.reuse()) return connection;
    return undefined;
  }

  /** Sets the idle timeout, and closes the idle connections. @param {number} milliseconds */
  setIdleTimeout(milliseconds) {
    this.idleTimeout = milliseconds;
    for (const connection of [...this.idle.values()].flat()) connection.close();
  }
}

class Connection {
  #pool;
  #origin;
  #socket;
  #connected = false;
  /** @type {Exchange | undefined} */
  #exchange;
  /** @type {(outcome: Outcome) => void} */
  #done = () => {};
  /** @type {ResponseReader | undefined} */
  #reader;
  /** Ends the wait for the connection, the response or the next request. @type {NodeJS.Timeout | undefined} */
  #timer;
  /** The time by which the response must be complete. */
  #due = 0;

  /** @param {Connections} pool @param {Origin} origin */
  constructor(pool, origin) {
    this.#pool = pool;
    this.#origin = origin;
    const { scheme, host, port } = origin;
    const options = {
      host,
      port,
      noDelay: true,
      onread: {
        buffer: RECEIVED,
        callback: (/** @type {number} */ length) => {
          this.#receive(RECEIVED.subarray(0, length));
          return true;
        },
      },
    };
    if (scheme === 'http') {
      this.#socket = connectTcp(options, () => this.#ready());
    } else {
      const session = pool.sessions.get(origin.key);
      const servername = isIP(host) ? '' : host;
      const secured = { ...options, servername, ALPNProtocols: ['http/1.1'], ...(session && { session }) };
      this.#socket = connectTls(secured, () => this.#ready());
      this.#socket.on('session', (session) => {
        if (pool.sessions.size === MOST_SESSIONS) pool.sessions.clear();
        pool.sessions.set(origin.key, session);
      });
    }
    this.#socket.on('error', (error) => this.#broken(error)).on('end', () => this.#ended());
    this.#socket.on('close', () => this.#broken());
  }

  /** @param {Exchange} exchange @param {(outcome: Outcome) => void} done */
  begin(exchange, done) {
    this.#exchange = exchange;
    this.#done = done;
    this.#due = performance.now() + exchange.timeout;
    if (this.#connected) return this.#write();
    // Nothing has been sent when this time is over, also if the time of the whole request is.
    this.#after(Math.min(exchange.connectTimeout, exchange.timeout), { tag: 'connect-timeout' });
  }

  #ready() {
    this.#connected = true;
    if (this.#exchange) this.#write();
  }

  #write() {
    const { bytes, bodiless } = /** @type {Exchange} */ (this.#exchange);
    this.#after(this.#due - performance.now(), { tag: 'timeout' });
    this.#reader = new ResponseReader(bodiless);
    if (bytes.length > 1) this.#socket.cork(); // one write of all pieces
    for (const piece of bytes) this.#socket.write(piece);
    if (bytes.length > 1) this.#socket.uncork();
  }

  /** @param {number} milliseconds @param {Failure} failure */
  #after(milliseconds, failure) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(failure), milliseconds);
  }

  /** @param {Buffer} piece */
  #receive(piece) {
    const reader = this.#reader;
    if (!reader) return this.close(); // an idle connection: nothing was asked
    try {
      reader.push(piece);
    } catch (failure) {
      return this.#fail(/** @type {Failure} */ (failure));
    }
    if (reader.complete) this.#finish(reader);
  }

  #ended() {
    const reader = this.#reader;
    if (!reader) return this.#broken();
    try {
      reader.end();
    } catch (failure) {
      return this.#fail(/** @type {Failure} */ (failure));
    }
    this.#finish(reader);
  }

  /** @param {ResponseReader} reader */
  #finish(reader) {
    const done = this.#release();
    // A server may refuse a request before it has read all of it.
    if (reader.reusable && this.#socket.writableLength === 0) this.#keep(reader.keepAlive);
    else this.close();
    done({ response: reader.response() });
  }

  /** @param {number | undefined} seconds The server's own idle timeout. */
  #keep(seconds = Infinity) {
    // One second less than the server's, for the way to the server.
    const timeout = Math.min(this.#pool.idleTimeout, Math.max(0, (seconds - 1) * 1000));
    if (timeout === 0) return this.close();
    this.#timer = setTimeout(() => this.close(), timeout);
    this.#timer.unref();
    this.#socket.unref();
    const idle = this.#pool.idle.get(this.#origin.key);
    if (idle) idle.push(this);
    else this.#pool.idle.set(this.#origin.key, [this]);
  }

  /** Takes the connection out of its idle time. Returns false if it cannot be used again. */
  reuse() {
    clearTimeout(this.#timer);
    const usable = this.#socket.readyState === 'open' && !this.#socket.readableEnded;
    if (usable) this.#socket.ref();
    else this.#socket.destroy();
    return usable;
  }

  /** Gives the request with this callback up. @param {(outcome: Outcome) => void} done */
  cancel(done) {
    if (this.#exchange && this.#done === done) this.close();
  }

  /** The connection broke, or was closed. @param {Error} [error] */
  #broken(error = new Error('connection closed')) {
    if (this.#connected) this.#fail({ tag: 'connection-lost', val: 'connection terminated' });
    else this.#fail(unconnected(error, this.#origin.scheme));
  }

  /** @param {Failure} failure */
  #fail(failure) {
    const exchange = this.#exchange;
    const done = this.#done;
    this.close();
    if (exchange) done({ failure });
  }

  /** Ends the exchange, and returns its callback. */
  #release() {
    clearTimeout(this.#timer);
    this.#exchange = undefined;
    this.#reader = undefined;
    const done = this.#done;
    this.#done = () => {};
    return done;
  }

  close() {
    this.#release();
    this.#socket.destroy();
    const idle = this.#pool.idle.get(this.#origin.key);
    const at = idle?.indexOf(this) ?? -1;
    if (idle && at >= 0) idle.splice(at, 1);
    if (idle?.length === 0) this.#pool.idle.delete(this.#origin.key);
  }
}
