// wasi:filesystem: the shim's, but that what is read of a file is a stream of ours, and
// that files are opened to be read alone.
import * as shim from '@bytecodealliance/preview2-shim/filesystem';
import { InputStream } from './streams.mjs';

const LONGEST_PIECE = 1n << 16n;

// Its types are those of the shim for browsers, whose descriptors nobody may extend.
const { createFilesystem, types } = /** @type {any} */ (shim);

class Descriptor extends types.Descriptor {
  /**
   * @param {object} following
   * @param {string} path
   * @param {{ create?: boolean, truncate?: boolean }} how
   * @param {{ write?: boolean, mutateDirectory?: boolean }} flags
   */
  openAt(following, path, how, flags) {
    if (how.create || how.truncate || flags.write || flags.mutateDirectory) throw 'read-only';
    return own(super.openAt(following, path, how, flags));
  }

  /** @param {bigint} offset */
  readViaStream(offset) {
    const pieces = [];
    for (let at = offset, over = false; !over; ) {
      const [piece, end] = this.read(LONGEST_PIECE, at);
      pieces.push(piece);
      at += BigInt(piece.length);
      over = end || piece.length === 0;
    }
    return new InputStream(Buffer.concat(pieces));
  }
}

/** The shim's as ours, with all that it holds. @param {object} descriptor */
const own = (descriptor) => Object.setPrototypeOf(descriptor, Descriptor.prototype);

/** These directories, by the names that an instance knows them by. @param {Record<string, string>} directories */
export function filesystem(directories) {
  const { preopens } = createFilesystem({ preopens: directories });
  for (const [descriptor] of preopens.getDirectories()) own(descriptor);
  return { preopens, types: { ...types, Descriptor } };
}
