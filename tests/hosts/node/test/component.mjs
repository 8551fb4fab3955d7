// Instances of the component, each with an environment of its own, and the errors
// of the contract by name. WASI=direct makes them on `wasi/` instead of the shim.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { WASIShim } from '@bytecodealliance/preview2-shim/instantiation';
import { instantiate } from 'dapr-wasm/component/dapr_dynamodb.js';

/** @typedef {import('dapr-wasm/component/dapr_dynamodb.js').Root} Component */

/** jco's own WASI. */
export const shim = (/** @type {Record<string, string>} */ env, /** @type {Record<string, string>} */ preopens = {}) =>
  new WASIShim({ sandbox: { env, preopens } }).getImportObject();
export const direct = process.env['WASI'] === 'direct';
const imports = direct ? (await import('dapr-wasm')).imports : shim;

/** @param {string} path */
async function core(path) {
  return WebAssembly.compile(await readFile(new URL(import.meta.resolve(`dapr-wasm/component/${path}`))));
}

/** Without credentials an instance would ask what answers at 169.254.169.254, and Node lets it. */
const NO_INSTANCE_METADATA = { AWS_EC2_METADATA_DISABLED: 'true' };

/**
 * A new instance that sees this environment alone, and these directories by the
 * names that it knows them by.
 *
 * @param {Record<string, string>} env
 * @param {typeof shim} wasi
 * @param {Record<string, string>} directories
 */
export async function instance(env = {}, wasi = imports, directories = {}) {
  return instantiate(core, /** @type {any} */ (wasi({ ...NO_INSTANCE_METADATA, ...env }, directories)));
}

/** What `init` is given. @param {string} endpoint @param {Record<string, string>} [fields] @returns {[string, string][]} */
export function metadata(endpoint, fields = {}) {
  return Object.entries({ table: 'state', endpoint, accessKey: 'id', secretKey: 'key', ...fields });
}

/** The variables that configure a store or a binding without `init`. @param {string} endpoint @param {string} [table] */
export function environment(endpoint, table = 'state') {
  return { DYNAMODB_TABLE: table, AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'key' };
}

/** A state store that is configured. @param {string} endpoint @param {Record<string, string>} [fields] */
export async function store(endpoint, fields) {
  const { state } = await instance();
  state.init(metadata(endpoint, fields));
  return state;
}

/**
 * Asserts that the call fails with this case of the contract's error: no trap, and
 * a sentence that says `about`.
 *
 * @param {() => unknown} call
 * @param {string} tag
 * @param {RegExp} [about]
 */
export function fails(call, tag, about = /./) {
  assert.throws(call, (/** @type {any} */ error) => {
    console.log(error.payload); // for .ci/secrets, which looks for secrets in all that tests were told
    assert.equal(error.payload?.tag, tag, error);
    if (tag !== 'not-initialized') assert.match(error.payload.val, about);
    return true;
  });
}

/** @param {string} text */
export const bytes = (text) => new TextEncoder().encode(text);

/** @param {Uint8Array | undefined} value */
export const text = (value) => new TextDecoder().decode(value);
