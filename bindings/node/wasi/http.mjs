// wasi:http for outgoing requests, on the client of `dapr-wasm:host`. A request is sent as a
// whole when its body is finished, and its response arrives as a whole.
import { receive, start } from '../host/blocking.mjs';
import { Pollable } from './poll.mjs';
import { InputStream, OutputStream } from './streams.mjs';

/**
 * @typedef {import('../host/pending.mjs').Pending} Pending
 * @typedef {import('../host/request.mjs').Failure} Failure
 * @typedef {[string, Uint8Array][]} Entries
 */

/** @typedef {import('../host/request.mjs').Allows} Allows */

/** A time that does not end before the component gives a request up, in nanoseconds. */
const LONGEST = 2n ** 63n;

const dispose = Symbol.dispose ?? Symbol.for('dispose');

class Fields {
  #entries;

  /** @param {Entries} entries */
  constructor(entries) {
    this.#entries = entries;
  }

  /** @param {Entries} entries */
  static fromList(entries) {
    return new Fields(entries);
  }

  /** @param {string} name */
  get(name) {
    const wanted = name.toLowerCase();
    return this.#entries.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  }

  entries() {
    return this.#entries;
  }
}

class OutgoingBody {
  /** @type {Uint8Array[]} */
  pieces = [];
  finished = false;
  /** Called when the body is finished. @type {() => void} */
  whenFinished = () => {};

  write() {
    return new OutputStream((bytes) => this.pieces.push(bytes));
  }

  bytes() {
    const [first, ...others] = this.pieces;
    return first && others.length === 0 ? first : Buffer.concat(this.pieces);
  }

  /** @param {OutgoingBody} body */
  static finish(body) {
    body.finished = true;
    body.whenFinished();
  }
}

class OutgoingRequest {
  content = new OutgoingBody();
  headers;
  method = 'get';
  path = '/';
  authority = '';
  /** @type {'http' | 'https'} */
  scheme = 'https';

  /** @param {Fields} headers */
  constructor(headers) {
    this.headers = headers;
  }

  body() {
    return this.content;
  }

  /** @param {{ tag: string, val?: string }} method */
  setMethod({ tag, val }) {
    this.method = (val ?? tag).toUpperCase();
  }

  /** @param {string | undefined} path */
  setPathWithQuery(path) {
    this.path = path ?? '/';
  }

  /** @param {{ tag: string } | undefined} scheme */
  setScheme(scheme) {
    this.scheme = scheme?.tag === 'HTTP' ? 'http' : 'https';
  }

  /** @param {string | undefined} authority */
  setAuthority(authority) {
    this.authority = authority ?? '';
  }
}

class RequestOptions {
  /** @type {bigint | undefined} */
  connect;

  connectTimeout() {
    return this.connect;
  }

  /** @param {bigint | undefined} duration In nanoseconds. */
  setConnectTimeout(duration) {
    this.connect = duration;
  }

  /** Throws, because this timeout is not supported. wasi:http allows that. */
  setFirstByteTimeout() {
    throw undefined;
  }

  setBetweenBytesTimeout() {
    throw undefined;
  }
}

class IncomingBody {
  #bytes;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.#bytes = bytes;
  }

  stream() {
    return new InputStream(this.#bytes);
  }
}

class IncomingResponse {
  #response;

  /** @param {import('../host/pending.mjs').Response} response */
  constructor(response) {
    this.#response = response;
  }

  status() {
    return this.#response.status;
  }

  headers() {
    return new Fields(this.#response.headers.map(([name, value]) => [name, Buffer.from(value, 'latin1')]));
  }

  consume() {
    return new IncomingBody(this.#response.body.val);
  }
}

class FutureIncomingResponse {
  /** @type {Pending | undefined} */
  #pending;
  #taken = false;

  /** @param {Allows} allows @param {OutgoingRequest} request @param {RequestOptions | undefined} options */
  constructor(allows, request, options) {
    const { scheme, authority, path, method, headers, content } = request;
    const timeout = LONGEST;
    const connectTimeout = options?.connectTimeout() ?? LONGEST;
    content.whenFinished = () => {
      /** @type {[string, string][]} */
      const fields = [];
      for (const [name, value] of headers.entries()) {
        // The client writes these itself.
        if (!/^(?:host|content-length)$/i.test(name)) fields.push([name, Buffer.from(value).toString('latin1')]);
      }
      const body = { tag: /** @type {const} */ ('bytes'), val: content.bytes() };
      const whole = { method, scheme, authority, pathWithQuery: path, headers: fields, body, connectTimeout, timeout };
      this.#pending = start(whole, allows);
    };
    if (content.finished) content.whenFinished();
  }

  subscribe() {
    return new Pollable(() => this.#pending?.outcome !== undefined);
  }

  get() {
    receive();
    const outcome = this.#pending?.outcome;
    if (outcome === undefined) return undefined;
    if (this.#taken) return { tag: 'err', val: undefined };
    this.#taken = true;
    if (outcome.tag === 'ok') return { tag: 'ok', val: { tag: 'ok', val: new IncomingResponse(outcome.val) } };
    return { tag: 'ok', val: { tag: 'err', val: errorCode(outcome.val) } };
  }

  [dispose]() {
    const pending = this.#pending;
    if (pending?.outcome === undefined) pending?.cancel();
  }
}

/**
 * Returns the error code of wasi:http that means the same.
 *
 * @param {Failure} failure
 * @returns {{ tag: string, val?: unknown }}
 */
function errorCode(failure) {
  switch (failure.tag) {
    case 'denied':
      return { tag: failure.val.includes('internal addresses') ? 'destination-IP-prohibited' : 'HTTP-request-denied' };
    case 'invalid-request':
      return { tag: 'configuration-error' };
    case 'name-not-resolved':
      return { tag: 'DNS-error', val: { rcode: failure.val } };
    case 'no-connection':
      if (failure.val.startsWith('connection refused')) return { tag: 'connection-refused' };
      if (failure.val.startsWith('connection limit')) return { tag: 'connection-limit-reached' };
      return { tag: 'destination-unavailable' };
    case 'tls-failed':
      return { tag: 'TLS-alert-received', val: { alertMessage: failure.val } };
    case 'certificate-not-trusted':
      return { tag: 'TLS-certificate-error' };
    case 'connect-timeout':
      return { tag: 'connection-timeout' };
    case 'timeout':
      return { tag: 'HTTP-response-timeout' };
    case 'connection-lost':
      return { tag: 'connection-terminated' };
    case 'damaged':
      return { tag: failure.val === 'http upgrade failed' ? 'HTTP-upgrade-failed' : 'HTTP-response-incomplete' };
  }
}

/** Returns `wasi:http` with these addresses. @param {Allows} allows */
export const http = (allows) => ({
  types: {
    Fields,
    FutureIncomingResponse,
    IncomingBody,
    IncomingResponse,
    OutgoingBody,
    OutgoingRequest,
    RequestOptions,
  },
  outgoingHandler: {
    /** @param {OutgoingRequest} request @param {RequestOptions | undefined} options */
    handle: (request, options) => new FutureIncomingResponse(allows, request, options),
  },
});
