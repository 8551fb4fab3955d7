// Instances of the component, each with its own environment, and checks for the errors of the
// contract. With WASI=direct they run on `wasi/` instead of the shim.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { WASIShim } from '@bytecodealliance/preview2-shim/instantiation';
import { instantiate } from 'dapr-wasm/component/dapr_dynamodb.js';

/** @typedef {import('dapr-wasm/component/dapr_dynamodb.js').Root} Component */

/** The WASI of jco. */
export const shim = (/** @type {Record<string, string>} */ env, /** @type {Record<string, string>} */ preopens = {}) =>
  new WASIShim({ sandbox: { env, preopens } }).getImportObject();
export const direct = process.env['WASI'] === 'direct';
const imports = direct ? (await import('dapr-wasm')).imports : shim;

/** @param {string} path */
async function core(path) {
  return WebAssembly.compile(await readFile(new URL(import.meta.resolve(`dapr-wasm/component/${path}`))));
}

/** Without credentials an instance would ask the server at 169.254.169.254, and Node allows it. */
const NO_INSTANCE_METADATA = { AWS_EC2_METADATA_DISABLED: 'true' };

/**
 * Returns a new instance that sees only this environment and these directories. The names of
 * `directories` are the paths inside the instance.
 *
 * @param {Record<string, string>} env
 * @param {typeof shim} wasi
 * @param {Record<string, string>} directories
 */
export async function instance(env = {}, wasi = imports, directories = {}) {
  return instantiate(core, /** @type {any} */ (wasi({ ...NO_INSTANCE_METADATA, ...env }, directories)));
}

/** Returns the metadata for `init`. @param {string} endpoint @param {Record<string, string>} [fields] @returns {[string, string][]} */
export function metadata(endpoint, fields = {}) {
  return Object.entries({ table: 'state', endpoint, accessKey: 'id', secretKey: 'key', ...fields });
}

/** Returns the variables that configure a store or a binding without `init`. @param {string} endpoint @param {string} [table] */
export function environment(endpoint, table = 'state') {
  return { DYNAMODB_TABLE: table, AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'key' };
}

/** Returns a configured state store. @param {string} endpoint @param {Record<string, string>} [fields] */
export async function store(endpoint, fields) {
  const { state } = await instance();
  state.init(metadata(endpoint, fields));
  return state;
}

/**
 * Asserts that the call fails with this error case of the contract, without a trap. The
 * sentence must match `about`.
 *
 * @param {() => unknown} call
 * @param {string} tag
 * @param {RegExp} [about]
 */
export function fails(call, tag, about = /./) {
  assert.throws(call, (/** @type {any} */ error) => {
    console.log(error.payload); // for .ci/secrets, which searches all output of the tests for secrets
    assert.equal(error.payload?.tag, tag, error);
    if (tag !== 'not-initialized') assert.match(error.payload.val, about);
    return true;
  });
}

/** @param {string} text */
export const bytes = (text) => new TextEncoder().encode(text);

/** @param {Uint8Array | undefined} value */
export const text = (value) => new TextDecoder().decode(value);
