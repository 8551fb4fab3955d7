// wasi:http for outgoing requests. A request is sent as a whole when its body is finished,
// and its response arrives as a whole.
import { Pollable, cancel, receive, send } from './poll.mjs';
import { InputStream, OutputStream } from './streams.mjs';

/** @typedef {import('./poll.mjs').Outcome} Outcome */
/** @typedef {[string, Uint8Array][]} Entries */

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
    // Strings, because a message to the sender with many small arrays takes longer.
    const fields = headers.entries().map(([name, value]) => [name, Buffer.from(value).toString('latin1')]);
    this.headers = Object.fromEntries(fields);
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
  #answer;

  /** @param {import('./sender.mjs').Answer} answer */
  constructor(answer) {
    this.#answer = answer;
  }

  status() {
    return this.#answer.status;
  }

  headers() {
    const raw = this.#answer.headers;
    /** @type {Entries} */
    const entries = [];
    for (let index = 0; index < raw.length; index += 2) {
      entries.push([raw[index] ?? '', Buffer.from(raw[index + 1] ?? '', 'latin1')]);
    }
    return new Fields(entries);
  }

  consume() {
    return new IncomingBody(this.#answer.body);
  }
}

class FutureIncomingResponse {
  /** @type {number | undefined} */
  #id;
  /** @type {Outcome | undefined} */
  #outcome;
  #taken = false;

  /** @param {OutgoingRequest} request @param {RequestOptions | undefined} options */
  constructor(request, options) {
    const { scheme, authority, path, method, headers, content } = request;
    const nanoseconds = options?.connectTimeout();
    const connectTimeout = nanoseconds === undefined ? undefined : Number(nanoseconds) / 1e6;
    content.whenFinished = () => {
      const message = { scheme, authority, path, method, headers, body: content.bytes(), connectTimeout };
      this.#id = send(message, (outcome) => (this.#outcome = outcome));
    };
    if (content.finished) content.whenFinished();
  }

  subscribe() {
    return new Pollable(() => this.#outcome !== undefined);
  }

  get() {
    receive();
    if (this.#outcome === undefined) return undefined;
    if (this.#taken) return { tag: 'err', val: undefined };
    this.#taken = true;
    const { answer, error } = this.#outcome;
    const val = answer ? { tag: 'ok', val: new IncomingResponse(answer) } : { tag: 'err', val: error };
    return { tag: 'ok', val };
  }

  [dispose]() {
    if (this.#id !== undefined) cancel(this.#id);
  }
}

export const types = {
  Fields,
  FutureIncomingResponse,
  IncomingBody,
  IncomingResponse,
  OutgoingBody,
  OutgoingRequest,
  RequestOptions,
};

export const outgoingHandler = {
  /** @param {OutgoingRequest} request @param {RequestOptions | undefined} options */
  handle: (request, options) => new FutureIncomingResponse(request, options),
};
