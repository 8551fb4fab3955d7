// wasi:filesystem for read-only directories. Only the operations listed here reach the
// shim. Every other operation is refused, including operations that a later shim adds.
import * as shim from '@bytecodealliance/preview2-shim/filesystem';
import { InputStream } from './streams.mjs';

const LONGEST_PIECE = 1n << 16n;

/** Operations that change nothing and open nothing. */
const READING = [
  'advise',
  'getFlags',
  'getType',
  'metadataHash',
  'metadataHashAt',
  'read',
  'readDirectory',
  'readlinkAt',
  'stat',
  'statAt',
];

/** Flags that a file or directory may be opened with. */
const OPENING = ['directory', 'read'];

/** The error that wasmtime returns for a read-only directory. */
const REFUSED = 'not-permitted';

const dispose = Symbol.dispose ?? Symbol.for('dispose');

// The shim's types describe its edition for browsers, which cannot be extended.
const { createFilesystem, types } = /** @type {any} */ (shim);

class Descriptor {
  /** The shim's descriptor. It could also write. @type {any} */
  #descriptor;

  /** @param {any} descriptor */
  constructor(descriptor) {
    this.#descriptor = descriptor;
  }

  static {
    const operations = /** @type {any} */ (this.prototype);
    for (const name of READING) {
      operations[name] = function (/** @type {unknown[]} */ ...given) {
        return this.#descriptor[name](...given);
      };
    }
  }

  /**
   * @param {object} following
   * @param {string} path
   * @param {Record<string, boolean>} how
   * @param {Record<string, boolean>} flags
   */
  openAt(following, path, how, flags) {
    const wanted = Object.entries({ ...how, ...flags });
    if (wanted.some(([flag, set]) => set && !OPENING.includes(flag))) throw REFUSED;
    return new Descriptor(this.#descriptor.openAt(following, path, how, flags));
  }

  /** @param {bigint} offset */
  readViaStream(offset) {
    const pieces = [];
    for (let at = offset, over = false; !over; ) {
      const [piece, end] = this.#descriptor.read(LONGEST_PIECE, at);
      pieces.push(piece);
      at += BigInt(piece.length);
      over = end || piece.length === 0;
    }
    return new InputStream(Buffer.concat(pieces));
  }

  /** @param {Descriptor} other */
  isSameObject(other) {
    return this.#descriptor.isSameObject(other.#descriptor);
  }

  [dispose]() {
    this.#descriptor[dispose]();
  }
}

for (const name of Object.getOwnPropertyNames(types.Descriptor.prototype)) {
  if (name in Descriptor.prototype) continue;
  Object.defineProperty(Descriptor.prototype, name, {
    value() {
      throw REFUSED;
    },
  });
}

/**
 * Returns `wasi:filesystem` with these directories.
 *
 * @param {Record<string, string>} directories The name inside the instance, and the path outside.
 * @returns {any} For a `WASIShim`, whose type allows only its own descriptors.
 */
export function filesystem(directories) {
  const lent = createFilesystem({ preopens: directories }).preopens.getDirectories();
  const own = lent.map((/** @type {[any, string]} */ [descriptor, name]) => [new Descriptor(descriptor), name]);
  const { DirectoryEntryStream, filesystemErrorCode } = types;
  return {
    preopens: { getDirectories: () => [...own] },
    types: { Descriptor, DirectoryEntryStream, filesystemErrorCode },
  };
}
