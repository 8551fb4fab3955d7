// Calls are synchronous: a thread of its own keeps them from the program's event loop.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { bytes, store } from './component.mjs';
import { dynamodb } from './servers.mjs';

/** @type {import('./servers.mjs').Server} */
let server;

before(async () => (server = await dynamodb('state')));
after(() => server.stop());

test('threads have instances of their own', async () => {
  const { endpoint } = server;
  const state = await store(endpoint);
  const keys = ['a', 'b', 'c'];
  for (const key of keys) state.set(key, bytes(`value of ${key}`), undefined);
  const read = keys.map(async (key) => {
    const worker = new Worker(new URL('./reader.mjs', import.meta.url), { workerData: { endpoint, key } });
    const [value] = await once(worker, 'message');
    await worker.terminate();
    return value;
  });
  assert.deepEqual(await Promise.all(read), keys.map((key) => `value of ${key}`));
});
