// An HTTP/1.1 response, read from the pieces that a connection delivers (RFC 9112). A response
// that could be read in two ways is refused.
import { TOKEN } from './request.mjs';

/** @typedef {{ status: number, headers: string[], body: Uint8Array }} Response The names and values of its fields take turns. */

/** The longest body, in bytes. A response of DynamoDB has at most 16 MB. */
const LONGEST_BODY = 128 * 1024 * 1024;

/** The longest head, in bytes; also of the trailers. */
const LONGEST_HEAD = 64 * 1024;

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [^\0\r\n]*)?$/;
const CHUNK_SIZE = /^([\da-fA-F]{1,8})[ \t]*(?:;[^\0\r\n]*)?$/;
const LENGTH = /^\d{1,15}$/;

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);

/** @param {string} cause @returns {never} */
function damaged(cause) {
  throw { tag: 'damaged', val: cause };
}

/** Removes the spaces and tabs around a value. @param {string} text */
function trimmed(text) {
  let [begin, end] = [0, text.length];
  const blank = (/** @type {number} */ at) => text.charCodeAt(at) === 32 || text.charCodeAt(at) === 9;
  while (begin < end && blank(begin)) begin++;
  while (begin < end && blank(end - 1)) end--;
  return text.slice(begin, end);
}

/**
 * Reads one response. `push` takes the next piece, which may be overwritten afterwards.
 */
export class ResponseReader {
  status = 0;
  /** @type {string[]} */
  headers = [];
  complete = false;
  /** True if the connection can be used again once the response is complete. */
  reusable = true;
  /** The seconds of the field `keep-alive: timeout=…`. @type {number | undefined} */
  keepAlive;

  #bodiless;
  /** @type {'head' | 'length' | 'close' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers'} */
  #state = 'head';
  /** Bytes of a head or line that is not complete. @type {Buffer} */
  #rest = NOTHING;
  /** Bytes of the body or chunk that have not arrived. */
  #missing = 0;
  /** The body, with room for more. @type {Buffer} */
  #body = NOTHING;
  #length = 0;
  /** Bytes of the trailers. */
  #trailers = 0;

  /** @param {boolean} bodiless The response to HEAD has no body. */
  constructor(bodiless) {
    this.#bodiless = bodiless;
  }

  /** True if the head has arrived. */
  get begun() {
    return this.#state !== 'head';
  }

  /** @returns {Response} */
  response() {
    return { status: this.status, headers: this.headers, body: this.#body.subarray(0, this.#length) };
  }

  /** Takes the next bytes. Throws the failure of a response that is invalid or too long. @param {Buffer} piece */
  push(piece) {
    let left = piece;
    while (left.length > 0 && !this.complete) left = this.#step(left);
    if (left.length > 0) this.reusable = false; // the server sends without being asked
  }

  /** Takes the end of the connection. Throws the failure of an incomplete response. */
  end() {
    this.reusable = false;
    if (this.#state === 'close') this.complete = true;
    else throw { tag: 'connection-lost', val: this.begun ? 'incomplete HTTP response' : 'connection terminated' };
  }

  /** Takes bytes from the begin, and returns the others. @param {Buffer} bytes @returns {Buffer} */
  #step(bytes) {
    switch (this.#state) {
      case 'head':
        return this.#line(bytes, END_OF_HEAD, (text) => this.#head(text));
      case 'close':
        return this.#take(bytes, bytes.length);
      case 'length':
      case 'chunk': {
        const taken = Math.min(bytes.length, this.#missing);
        this.#missing -= taken;
        const others = this.#take(bytes, taken);
        if (this.#missing > 0) return others;
        if (this.#state === 'chunk') this.#state = 'chunk-end';
        else this.complete = true;
        return others;
      }
      case 'chunk-size':
        return this.#line(bytes, '\r\n', (text) => {
          const size = CHUNK_SIZE.exec(text)?.[1] ?? damaged('invalid chunk');
          this.#missing = parseInt(size, 16);
          this.#limit(this.#missing);
          this.#state = this.#missing === 0 ? 'trailers' : 'chunk';
        });
      case 'chunk-end':
        return this.#line(bytes, '\r\n', (text) => {
          if (text !== '') damaged('invalid chunk');
          this.#state = 'chunk-size';
        });
      case 'trailers':
        return this.#line(bytes, '\r\n', (text) => {
          this.#trailers += text.length;
          if (this.#trailers > LONGEST_HEAD) damaged('http response trailer section size');
          if (text === '') this.complete = true;
        });
    }
  }

  /**
   * Takes bytes up to the mark, or all of them if it has not arrived.
   *
   * @param {Buffer} bytes
   * @param {Buffer | string} mark
   * @param {(text: string) => void} use Gets the text before the mark, in Latin-1.
   */
  #line(bytes, mark, use) {
    const joined = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes;
    // Only the new bytes are searched: a server may send one byte at a time.
    const end = joined.indexOf(mark, Math.max(0, this.#rest.length - mark.length + 1));
    if ((end === -1 ? joined.length : end) > LONGEST_HEAD) damaged('http response header section size');
    if (end === -1) {
      this.#rest = joined === bytes ? Buffer.from(bytes) : joined;
      return NOTHING;
    }
    this.#rest = NOTHING;
    use(joined.toString('latin1', 0, end));
    return joined.subarray(end + mark.length);
  }

  /** @param {Buffer} bytes @param {number} length */
  #take(bytes, length) {
    this.#limit(length);
    if (this.#length + length > this.#body.length) this.#grow(Math.max(this.#length + length, 2 * this.#body.length));
    bytes.copy(this.#body, this.#length, 0, length);
    this.#length += length;
    return bytes.subarray(length);
  }

  /** @param {number} room */
  #grow(room) {
    const body = Buffer.allocUnsafe(room);
    this.#body.copy(body, 0, 0, this.#length);
    this.#body = body;
  }

  /** @param {number} more */
  #limit(more) {
    if (this.#length + more > LONGEST_BODY) damaged('http response body size');
  }

  /** @param {string} text The head without its last line end. */
  #head(text) {
    const [first = '', ...lines] = text.split('\r\n');
    const [, minor, status] = STATUS_LINE.exec(first) ?? damaged('not an HTTP/1.1 response');
    this.status = Number(status);
    /** @type {string | undefined} */
    let length;
    /** @type {string | undefined} */
    let coding;
    /** @type {string[]} */
    const headers = [];
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, Math.max(0, colon));
      const value = trimmed(line.slice(colon + 1));
      if (!TOKEN.test(name) || /[\0\r\n]/.test(value)) damaged('invalid header field');
      headers.push(name, value);
      switch (name.toLowerCase()) {
        case 'content-length':
          if (!LENGTH.test(value) || (length ?? value) !== value) damaged('invalid content-length');
          length = value;
          break;
        case 'transfer-encoding':
          if (coding !== undefined || value.toLowerCase() !== 'chunked' || minor === '0') {
            damaged('http response transfer coding');
          }
          coding = value;
          break;
        case 'connection':
          if (/\bclose\b/i.test(value)) this.reusable = false;
          break;
        case 'keep-alive': {
          const seconds = /\btimeout=(\d{1,6})\b/i.exec(value)?.[1];
          if (seconds !== undefined) this.keepAlive = Number(seconds);
        }
      }
    }
    if (minor === '0') this.reusable = false;
    if (this.status === 101) damaged('http upgrade failed'); // nobody has asked for one
    if (this.status < 200) return; // an interim response: the final one follows
    this.headers = headers;
    if (coding !== undefined && length !== undefined) damaged('content-length beside transfer-encoding');
    if (this.#bodiless || this.status === 204 || this.status === 304) {
      this.#state = 'length';
      this.complete = true;
    } else if (coding !== undefined) {
      this.#state = 'chunk-size';
    } else if (length !== undefined) {
      this.#state = 'length';
      this.#missing = Number(length);
      this.#limit(this.#missing);
      if (this.#missing === 0) this.complete = true;
      else this.#grow(this.#missing);
    } else {
      this.#state = 'close';
      this.reusable = false;
    }
  }
}
