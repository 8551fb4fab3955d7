// Calls are synchronous: a thread of its own keeps them from the program's event loop.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bytes, store } from './component.mjs';
import { dynamodb } from './servers.mjs';
import { readInThread } from './threads.mjs';

/** @type {import('./servers.mjs').Server} */
let server;

before(async () => (server = await dynamodb('state')));
after(() => server.stop());

test('threads have instances of their own', async () => {
  const { endpoint } = server;
  const state = await store(endpoint);
  const keys = ['a', 'b', 'c'];
  for (const key of keys) state.set(key, bytes(`value of ${key}`), undefined);
  const read = keys.map((key) => readInThread(endpoint, key));
  assert.deepEqual(await Promise.all(read), keys.map((key) => `value of ${key}`));
});
