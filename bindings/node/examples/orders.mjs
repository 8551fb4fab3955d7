// Orders in a state store. The argument is the endpoint of a DynamoDB that has the
// table `state`; for AWS, leave `endpoint` out and set a `region`.
import { readFile } from 'node:fs/promises';
import { imports } from 'dapr-wasm';
import { instantiate } from 'dapr-wasm/component/dapr_dynamodb.js';

const compiled = async (/** @type {string} */ name) =>
  WebAssembly.compile(await readFile(new URL(import.meta.resolve(`dapr-wasm/component/${name}`))));
const { state } = await instantiate(compiled, imports({})); // no variables of the process

const endpoint = process.argv[2] ?? 'http://127.0.0.1:8000';
state.init([
  ['table', 'state'],
  ['endpoint', endpoint],
  ['accessKey', 'id'],
  ['secretKey', 'secret'],
]);

const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text);
const text = (/** @type {Uint8Array | undefined} */ value) => new TextDecoder().decode(value);

const etag = state.set('order-1', bytes('new'), undefined);
state.set('order-1', bytes('paid'), { etag }); // nobody has written since: it is replaced
try {
  state.set('order-1', bytes('cancelled'), { etag }); // an ETag that was replaced
} catch (error) {
  if (nameOf(error) !== 'etag-mismatch') throw error;
  console.log('somebody else was faster');
}
console.log('order-1 is', text(state.get('order-1', undefined)?.value));

// Results of bulk calls are by position; each is its own success or error.
const written = state.bulkSet(['order-2', 'order-3'].map((key) => ({ key, value: bytes('new') })));
for (const result of written) if (result.tag === 'err') throw new Error(result.val.tag);
for (const result of state.bulkGet(['order-2', 'order-9'], undefined)) {
  console.log(result.tag === 'ok' ? text(result.val?.value) || 'absent' : result.val.tag);
}

// All or nothing.
state.transact([
  { tag: 'set', val: { key: 'order-1', value: bytes('sent') } },
  { tag: 'delete', val: { key: 'order-2' } },
]);
console.log('order-1 is', text(state.get('order-1', undefined)?.value));

/** The case of the contract's error that a call has thrown. @param {unknown} error */
function nameOf(error) {
  const { payload } = /** @type {{ payload?: import('dapr-wasm/component/interfaces/dapr-wasm-components-types.js').Error }} */ (error);
  return payload?.tag;
}
