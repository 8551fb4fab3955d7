// Nothing that a call makes is left when it is over: an instance serves any number of calls.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { bytes, direct, store } from './component.mjs';
import { empty } from './servers.mjs';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

/** What this thread's objects take, in bytes. */
function used() {
  collect();
  return process.memoryUsage().heapUsed;
}

if (direct) test('calls leave nothing behind', async (test) => {
  const server = await empty(test);
  const state = await store(server.endpoint);
  const calls = (/** @type {number} */ number) => {
    for (let call = 0; call < number; call++) {
      state.set('k', bytes('v'), undefined);
      state.get('k', undefined);
    }
  };
  calls(1000); // until V8 has compiled it, and its tables have grown
  const before = used();
  calls(2000);
  const perCall = (used() - before) / 4000;
  assert.ok(perCall < 50, `${perCall} bytes are left of each call`); // the smallest entry of a Map takes more
});
