// Tests of an instance whose calls return promises. They need a Node that can suspend a component.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JSPI, asyncInstance, bytes, metadata, text } from './component.mjs';
import { dynamodb, empty, made } from './servers.mjs';

const options = { skip: !JSPI && 'this Node has no JavaScript Promise Integration' };

/** A table without items that counts the requests that it has at the same time. */
const COUNTING = `(() => {
  let now = 0;
  return require('http').createServer({ keepAliveTimeout: 0 }, (request, response) => {
    console.error('at once: ' + ++now);
    request.resume().once('end', () => setTimeout(() => {
      now--;
      response.setHeader('content-length', 2).end('{}');
    }, 100));
  });
})()`;

/** @param {string} endpoint */
async function store(endpoint) {
  const { state } = await asyncInstance();
  await state.init(metadata(endpoint));
  return state;
}

test('calls return promises of their results', options, async (test) => {
  const server = await dynamodb('state');
  test.after(() => server.stop());
  const state = await store(server.endpoint);
  const etag = await state.set('k', bytes('v'), undefined);
  assert.equal((await state.get('k', undefined))?.etag, etag);
  await assert.rejects(state.set('k', bytes('w'), { etag: 'stale' }), (/** @type {any} */ error) => {
    return error.payload.tag === 'etag-mismatch';
  });
  const keys = Array.from({ length: 300 }, (_, index) => `many-${index}`);
  const written = await state.bulkSet(keys.map((key) => ({ key, value: bytes(key) })));
  assert.ok(written.every((result) => result.tag === 'ok'));
  const found = await state.bulkGet(keys, undefined);
  assert.deepEqual(found.map((result) => result.tag === 'ok' && text(result.val?.value)), keys);
  assert.deepEqual(await state.features(), { etag: true, transactional: true, ttl: false });
});

test('the event loop goes on during a call', options, async (test) => {
  const server = await made(test, COUNTING);
  const state = await store(server.endpoint);
  let turns = 0;
  const ticking = setInterval(() => turns++, 1);
  await state.get('k', undefined);
  clearInterval(ticking);
  assert.ok(turns > 0);
});

test('calls of one instance follow one another', options, async (test) => {
  const server = await made(test, COUNTING);
  const state = await store(server.endpoint);
  const found = await Promise.all(['a', 'b', 'c'].map((key) => state.get(key, undefined)));
  assert.deepEqual(found, [undefined, undefined, undefined]);
  assert.ok(!(await server.stop()).includes('at once: 2'));
});

test('calls of several instances run at the same time', options, async (test) => {
  const server = await made(test, COUNTING);
  const stores = [await store(server.endpoint), await store(server.endpoint), await store(server.endpoint)];
  await Promise.all(stores.map((state) => state.get('k', undefined)));
  assert.ok((await server.stop()).includes('at once: 3'));
});

test('consecutive calls of all instances share one connection', options, async (test) => {
  const server = await empty(test);
  const stores = [await store(server.endpoint), await store(server.endpoint)];
  for (let call = 0; call < 20; call++) for (const state of stores) await state.get('k', undefined);
  assert.equal((await server.stop()).filter((line) => line === 'connection').length, 1);
});
