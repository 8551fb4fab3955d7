// Instances of the component, each with its own environment, and checks for the errors of the
// contract. BUILD says which build of the component the tests use, and who provides its imports.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { WASIShim } from '@bytecodealliance/preview2-shim/instantiation';
import * as host from 'dapr-wasm';

/** @typedef {import('dapr-wasm/component/dapr_dynamodb.js').Root} Component */
/** @typedef {(env: Record<string, string>, directories?: Record<string, string>, options?: import('dapr-wasm').Options) => any} Imports */

/** The WASI of jco. @type {Imports} */
export const shim = (env, preopens = {}) => new WASIShim({ sandbox: { env, preopens } }).getImportObject();

/** The builds, by their module and their imports. @type {Record<string, [module: string, imports: Imports]>} */
export const BUILDS = {
  hosted: ['dapr_dynamodb', host.imports],
  portable: ['portable', host.imports],
  shim: ['portable', shim],
};

export const build = process.env['BUILD'] ?? 'hosted';
/** True if the package provides the imports. */
export const direct = build !== 'shim';

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
 * @param {string} of The build.
 * @param {Record<string, string>} directories
 * @param {import('dapr-wasm').Options} options
 * @returns {Promise<Component>}
 */
export async function instance(env = {}, of = build, directories = {}, options = {}) {
  const [module, imports] = BUILDS[of] ?? assert.fail(`no build ${of}`);
  const { instantiate } = await import(`dapr-wasm/component/${module}.js`);
  return instantiate(core, imports({ ...NO_INSTANCE_METADATA, ...env }, directories, options));
}

/** True if this Node can suspend a component. */
export const JSPI = 'Suspending' in WebAssembly;

/** Returns a new instance of the hosted build whose calls return promises. @param {Record<string, string>} env */
export async function asyncInstance(env = {}) {
  const { instantiate } = await import('dapr-wasm/component/dapr_dynamodb_async.js');
  return host.queued(await instantiate(core, host.asyncImports({ ...NO_INSTANCE_METADATA, ...env })));
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
