// `dapr-wasm:host/digest`.
import * as crypto from 'node:crypto';

/** @type {(data: string | Uint8Array) => Buffer} */
const hash =
  'hash' in crypto // since Node 20.12
    ? (data) => /** @type {any} */ (crypto).hash('sha256', data, 'buffer')
    : (data) => crypto.createHash('sha256').update(data).digest();

export const digest = {
  /** @param {import('./request.mjs').Data} data @returns {[bigint, bigint, bigint, bigint]} */
  sha256({ val }) {
    const bytes = hash(val);
    return [bytes.readBigUInt64BE(0), bytes.readBigUInt64BE(8), bytes.readBigUInt64BE(16), bytes.readBigUInt64BE(24)];
  },
};
