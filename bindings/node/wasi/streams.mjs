// wasi:io/streams. No operation on a stream waits: the data of an input stream is complete,
// and an output stream accepts data at once.
import { Pollable } from './poll.mjs';

const ready = () => new Pollable(() => true);

export class InputStream {
  #bytes;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.#bytes = bytes;
  }

  /** @param {bigint} length */
  read(length) {
    if (this.#bytes.length === 0) throw { tag: 'closed' };
    const piece = this.#bytes.subarray(0, Number(length));
    this.#bytes = this.#bytes.subarray(piece.length);
    return piece;
  }

  /** @param {bigint} length */
  blockingRead(length) {
    return this.read(length);
  }

  subscribe() {
    return ready();
  }
}

export class OutputStream {
  #take;

  /** @param {(bytes: Uint8Array) => void} take */
  constructor(take) {
    this.#take = take;
  }

  checkWrite() {
    return 1n << 20n;
  }

  /** @param {Uint8Array} bytes */
  write(bytes) {
    this.#take(bytes);
  }

  blockingFlush() {}

  subscribe() {
    return ready();
  }
}

/** The resource of wasi:io/error. No stream here returns one. */
class IoError {
  toDebugString() {
    return '';
  }
}

export const error = { Error: IoError };
