// Tests that instances in one process share only the data in their tables and standard error.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { bytes, direct, environment, fails, instance, store, text } from './component.mjs';
import { dynamodb, empty } from './servers.mjs';
import { readInThread } from './threads.mjs';

const server = await dynamodb('orders', 'customers');
after(() => server.stop());

test('two stores in one process use their own tables', async () => {
  const orders = await store(server.endpoint, { table: 'orders' });
  const customers = await store(server.endpoint, { table: 'customers' });
  orders.set('1', bytes('an order'), undefined);
  customers.set('1', bytes('a customer'), undefined);
  assert.equal(text(orders.get('1', undefined)?.value), 'an order');
  assert.equal(text(customers.get('1', undefined)?.value), 'a customer');
});

test('two instances see the same table', async () => {
  const one = await store(server.endpoint, { table: 'orders' });
  const other = await store(server.endpoint, { table: 'orders' });
  const etag = one.set('2', bytes('new'), undefined);
  assert.equal(other.get('2', { consistency: 'strong' })?.etag, etag);
});

test('an instance without its own configuration is not-initialized', async () => {
  await store(server.endpoint, { table: 'orders' });
  const { state } = await instance();
  fails(() => state.get('1', undefined), 'not-initialized');
});

test('an instance does not see the process environment', async () => {
  process.env['DYNAMODB_TABLE'] = 'orders';
  try {
    const { state } = await instance();
    fails(() => state.get('1', undefined), 'not-initialized');
  } finally {
    delete process.env['DYNAMODB_TABLE'];
  }
});

test('the plain module sees the process environment', async () => {
  const set = "({ state }) => state.set('3', Buffer.from('v'))";
  await program('../module/dapr_dynamodb.js', set, environment(server.endpoint, 'orders'));
  const orders = await store(server.endpoint, { table: 'orders' });
  assert.equal(text(orders.get('3', { consistency: 'strong' })?.value), 'v');
});

test('standard error of an instance is visible', async () => {
  const initialize = `({ store }) => store('${server.endpoint}', { table: 'orders', colour: 'green' })`;
  const { stderr } = await program('./component.mjs', initialize);
  assert.match(stderr, /colour/);
});

test('each thread has its own instance', async () => {
  const orders = await store(server.endpoint, { table: 'orders' });
  const keys = ['a', 'b', 'c'];
  for (const key of keys) orders.set(key, bytes(`value of ${key}`), undefined);
  const read = keys.map((key) => readInThread(server.endpoint, key, { table: 'orders' }));
  assert.deepEqual(await Promise.all(read), keys.map((key) => `value of ${key}`));
});

// In its own process, because the test runner keeps objects too.
if (direct) test('calls leave nothing behind', async (test) => {
  const { endpoint } = await empty(test);
  const program = new URL('./leftovers.mjs', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program, endpoint]);
  assert.ok(Number(stdout) < 50, `${stdout} bytes remain after each call`); // an entry of a Map takes more
});

if (direct) test('a program given as text gets responses', async () => {
  const absent = `({ store }) => store('${server.endpoint}', { table: 'orders', requestTimeout: '2s' })`;
  await program('./component.mjs', absent, {}, ['--input-type=module']);
});

/**
 * Runs a function of a module's exports in a separate process with these additional variables.
 *
 * @param {string} module
 * @param {string} main
 * @param {Record<string, string>} [variables]
 * @param {string[]} [options] of Node; the shim's threads inherit `--input-type` and do not start
 */
function program(module, main, variables, options = []) {
  const text = `import('${new URL(module, import.meta.url)}').then(${main})`;
  return promisify(execFile)(process.execPath, [...options, '-e', text], { env: { ...process.env, ...variables } });
}
