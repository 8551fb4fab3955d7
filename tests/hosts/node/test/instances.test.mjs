// Instances in one process share nothing but the data in their tables.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bytes, fails, instance, store, text } from './component.mjs';
import { dynamodb } from './servers.mjs';

/** @type {import('./servers.mjs').Server} */
let server;

before(async () => (server = await dynamodb('orders', 'customers')));
after(() => server.stop());

test('two stores in one process keep to their own tables', async () => {
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

test('an instance that nobody configured is not-initialized, whatever another is', async () => {
  await store(server.endpoint, { table: 'orders' });
  const { state } = await instance();
  fails(() => state.get('1', undefined), 'not-initialized');
});
