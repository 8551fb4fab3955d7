// The output binding, against an embedded DynamoDB.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { bytes, fails, instance, metadata } from './component.mjs';
import { dynamodb, native } from './servers.mjs';

const server = await dynamodb('audit');
const { binding } = await instance();
binding.init(metadata(server.endpoint, { table: 'audit' }));
after(() => server.stop());

test('its operations are create', () => {
  assert.deepEqual(binding.operations(), ['create']);
  binding.ping();
});

test('create makes an attribute of each member', async () => {
  const entry = '{"key":"entry-1","amount":12345678901234567890.123456789,"tags":["a",null,true]}';
  const response = binding.invoke('create', bytes(entry), [['ignored', 'yes']]);
  assert.deepEqual(response, { data: undefined, contentType: undefined, metadata: [] });

  const sdk = native(server.endpoint);
  const { Item } = await sdk.send(new GetItemCommand({ TableName: 'audit', Key: { key: { S: 'entry-1' } } }));
  sdk.destroy();
  assert.deepEqual(Item, {
    key: { S: 'entry-1' },
    amount: { N: '12345678901234567890.123456789' },
    tags: { L: [{ S: 'a' }, { NULL: true }, { BOOL: true }] },
  });
});

test('what is no object and what is no operation are refused by name', async () => {
  fails(() => binding.invoke('create', bytes('[]'), undefined), 'invalid-argument');
  fails(() => binding.invoke('drop', bytes('{}'), undefined), 'unsupported', /create/);
  const unconfigured = await instance();
  fails(() => unconfigured.binding.invoke('create', bytes('{}'), undefined), 'not-initialized');
});
