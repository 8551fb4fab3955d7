// Tests that every error of the contract arrives under its name, and none as a trap.
import { after, test } from 'node:test';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { bytes, fails, instance, metadata, store } from './component.mjs';
import { dynamodb, fault, faulty, native, nobody } from './servers.mjs';

const server = await dynamodb('state');
after(() => server.stop());

/**
 * Asserts that a set fails with this case if every PutItem meets the fault.
 *
 * @param {import('node:test').TestContext} test
 * @param {string} what
 * @param {string} tag
 * @param {Record<string, string>} [fields]
 */
async function setFails(test, what, tag, fields) {
  const proxy = await faulty(test, fault('PutItem', what));
  const state = await store(proxy.endpoint, fields);
  fails(() => state.set('k', bytes('v'), undefined), tag, /"k"/);
}

test('not-initialized', async () => {
  const { state, binding } = await instance();
  fails(() => state.get('k', undefined), 'not-initialized');
  fails(() => state.ping(), 'not-initialized');
  fails(() => binding.ping(), 'not-initialized');
});

test('invalid-configuration names the field', async () => {
  const { state } = await instance();
  fails(() => state.init(metadata(server.endpoint, { table: '' })), 'invalid-configuration', /`table`/);
  fails(() => state.init(metadata('nonsense')), 'invalid-configuration', /`endpoint`/);
});

test('invalid-argument', async () => {
  const state = await store(server.endpoint);
  fails(() => state.set('', bytes('v'), undefined), 'invalid-argument', /key/);
  fails(() => state.set('k', bytes('v'), { ttl: 60n }), 'invalid-argument', /ttlAttributeName/);
});

test('etag-mismatch', async () => {
  const state = await store(server.endpoint);
  fails(() => state.set('absent', bytes('v'), { etag: 'e' }), 'etag-mismatch', /"absent"/);
});

test('access-denied', (test) =>
  setFails(test, 'action = "error"\nerror = "AccessDeniedException"', 'access-denied'));

test('init of a missing table is not-found', async () => {
  const { state } = await instance();
  fails(() => state.init(metadata(server.endpoint, { table: 'no-such-table' })), 'not-found', /no-such-table/);
});

test('throttled', (test) =>
  setFails(test, 'action = "error"\nerror = "ProvisionedThroughputExceededException"', 'throttled', { maxAttempts: '1' }));

test('conflict', async (test) => {
  const conflict = 'action = "error"\nerror = "TransactionCanceledException"\nreasons = ["TransactionConflict"]';
  const proxy = await faulty(test, fault('TransactWriteItems', conflict));
  const state = await store(proxy.endpoint, { maxAttempts: '1' });
  const transact = () => state.transact([{ tag: 'set', val: { key: 'k', value: bytes('v') } }]);
  fails(transact, 'conflict');
});

test('timeout if the server never responds', (test) =>
  setFails(test, 'action = "withhold"', 'timeout', { requestTimeout: '300ms' }));

test('unavailable if the server fails', (test) =>
  setFails(test, 'action = "error"\nerror = "InternalServerError"', 'unavailable'));

test('unavailable if no server listens', async () => {
  const { state, binding } = await instance();
  const dead = metadata(await nobody());
  fails(() => state.init(dead), 'unavailable', /refused/);
  fails(() => binding.init(dead), 'unavailable', /refused/);
});

test('too-large', async () => {
  const state = await store(server.endpoint);
  fails(() => state.set('k', new Uint8Array(400 * 1024), undefined), 'too-large', /"k"/);
});

test('unsupported', async () => {
  const { binding } = await instance();
  binding.init(metadata(server.endpoint));
  fails(() => binding.invoke('get', bytes('{}'), undefined), 'unsupported', /"get"/);
});

test('other if another tool wrote an item without a value', async () => {
  const sdk = native(server.endpoint);
  await sdk.send(new PutItemCommand({ TableName: 'state', Item: { key: { S: 'foreign' } } }));
  sdk.destroy();
  const state = await store(server.endpoint);
  fails(() => state.get('foreign', undefined), 'other', /"foreign"/);
});
