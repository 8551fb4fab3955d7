// Tests of every function of the state store against an embedded DynamoDB.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { bytes, environment, fails, instance, metadata, store, text } from './component.mjs';
import { dynamodb, native } from './servers.mjs';

const server = await dynamodb('state');
const state = await store(server.endpoint, { ttlAttributeName: 'expiresAt' });
after(() => server.stop());

test('bytes are returned unchanged', () => {
  const all = Uint8Array.from({ length: 1024 }, (_, index) => index % 256);
  for (const [key, value] of /** @type {const} */ ([
    ['all', all],
    ['none', new Uint8Array()],
    ['text', bytes('grüße 🦀')],
    ['long', new Uint8Array(300_000).fill(0xff)],
  ])) {
    const etag = state.set(key, value, { contentType: 'application/octet-stream' });
    assert.deepEqual(state.get(key, { consistency: 'strong' }), {
      value,
      etag,
      contentType: 'application/octet-stream',
      expiresAt: undefined,
    });
  }
});

// jco checks no types at run time. `tsc` detects such a call.
test('jco treats a string value as empty: use Uint8Array', () => {
  state.set('string', /** @type {any} */ ('text'), undefined);
  assert.deepEqual(state.get('string', { consistency: 'strong' })?.value, new Uint8Array());
});

test('an absent key is undefined and not an error', () => {
  assert.equal(state.get('nothing', undefined), undefined);
  state.delete('nothing', undefined);
});

test('features depend on the configuration', async () => {
  assert.deepEqual(state.features(), { etag: true, transactional: true, ttl: true });
  const without = await store(server.endpoint);
  assert.deepEqual(without.features(), { etag: true, transactional: true, ttl: false });
});

test('a ping succeeds', () => state.ping());

test('a set or delete with a stale ETag is an etag-mismatch', () => {
  const first = state.set('etag', bytes('1'), undefined);
  const second = state.set('etag', bytes('2'), { etag: first });
  assert.notEqual(first, second);
  fails(() => state.set('etag', bytes('3'), { etag: first }), 'etag-mismatch', /"etag"/);
  fails(() => state.delete('etag', { etag: first }), 'etag-mismatch', /"etag"/);
  assert.equal(text(state.get('etag', undefined)?.value), '2');
  state.delete('etag', { etag: second });
  assert.equal(state.get('etag', undefined), undefined);
});

test('the first write wins if requested', () => {
  state.set('first', bytes('1'), { concurrency: 'first-write' });
  fails(() => state.set('first', bytes('2'), { concurrency: 'first-write' }), 'etag-mismatch');
  state.set('first', bytes('3'), { concurrency: 'last-write' });
  assert.equal(text(state.get('first', undefined)?.value), '3');
});

test('a time to live sets the expiry of the item', () => {
  const now = BigInt(Math.floor(Date.now() / 1000));
  state.set('ttl', bytes('v'), { ttl: 3600n });
  const expiresAt = state.get('ttl', undefined)?.expiresAt ?? 0n;
  assert.ok(expiresAt >= now + 3600n && expiresAt < now + 3660n, `${expiresAt}`);
  state.set('ttl', bytes('v'), { ttl: -1n });
  assert.equal(state.get('ttl', undefined)?.expiresAt, undefined);
  fails(() => state.set('ttl', bytes('v'), { ttl: -2n }), 'invalid-argument', /"ttl"/);
});

test('an expired item is absent', async () => {
  const sdk = native(server.endpoint);
  const past = String(Math.floor(Date.now() / 1000) - 60);
  const item = { key: { S: 'expired' }, value: { S: 'v' }, etag: { S: 'e' }, expiresAt: { N: past } };
  await sdk.send(new PutItemCommand({ TableName: 'state', Item: item }));
  sdk.destroy();
  assert.equal(state.get('expired', undefined), undefined);
  state.set('expired', bytes('anew'), { concurrency: 'first-write' });
});

test('bulk results are in order, each a value or an error', () => {
  const requests = ['bulk-1', '', 'bulk-2'].map((key) => ({ key, value: bytes(key) }));
  const [one, refused, two] = state.bulkSet(requests);
  assert.equal(refused?.tag === 'err' && refused.val.tag, 'invalid-argument');
  assert.ok(one?.tag === 'ok' && two?.tag === 'ok');

  const found = state.bulkGet(['bulk-2', 'nothing', 'bulk-1', 'bulk-2'], { consistency: 'strong' });
  const values = found.map((result) => result.tag === 'ok' && result.val && text(result.val.value));
  assert.deepEqual(values, ['bulk-2', undefined, 'bulk-1', 'bulk-2']);

  const deletes = [{ key: 'bulk-1', options: { etag: 'another' } }, { key: 'bulk-2', options: { etag: two.val } }];
  const [kept, deleted] = state.bulkDelete(deletes);
  assert.equal(kept?.tag === 'err' && kept.val.tag, 'etag-mismatch');
  assert.equal(deleted?.tag, 'ok');
});

test('a bulk call of 1500 keys sets and gets every item', () => {
  const keys = Array.from({ length: 1500 }, (_, index) => `many-${index}`);
  const written = state.bulkSet(keys.map((key) => ({ key, value: bytes(key) })));
  assert.ok(written.every((result) => result.tag === 'ok'));
  const found = state.bulkGet(keys, undefined);
  const values = found.map((result) => result.tag === 'ok' && text(result.val?.value));
  assert.deepEqual(values, keys);
});

test('a transaction happens completely or not at all', () => {
  const etag = state.set('tx-1', bytes('1'), undefined);
  const etags = state.transact([
    { tag: 'set', val: { key: 'tx-1', value: bytes('2'), options: { etag } } },
    { tag: 'delete', val: { key: 'tx-2' } },
  ]);
  assert.equal(etags[0], state.get('tx-1', undefined)?.etag);
  assert.equal(etags[1], undefined);
  const stale = () =>
    state.transact([
      { tag: 'set', val: { key: 'tx-2', value: bytes('3') } },
      { tag: 'set', val: { key: 'tx-1', value: bytes('3'), options: { etag } } },
    ]);
  fails(stale, 'etag-mismatch', /"tx-1"/);
  assert.equal(state.get('tx-2', undefined), undefined);
});

test('a transaction accepts its maximum number of operations', () => {
  const sets = (/** @type {number} */ count) =>
    Array.from({ length: count }, (_, index) => ({
      tag: /** @type {const} */ ('set'),
      val: { key: `size-${index}`, value: bytes('v') },
    }));
  const most = state.maxTransactionSize();
  assert.equal(most, 100);
  assert.equal(state.transact(sets(most)).length, most);
  fails(() => state.transact(sets(most + 1)), 'invalid-argument', /100/);
});

test('a failed init keeps the earlier configuration', () => {
  fails(() => state.init(metadata(server.endpoint, { table: 'nothing' })), 'not-found', /nothing/);
  state.ping();
});

test('the environment is enough to configure an instance', async () => {
  const { state } = await instance(environment(server.endpoint));
  state.set('environment', bytes('v'), undefined);
  assert.equal(text(state.get('environment', undefined)?.value), 'v');
});
