// Tests of the output binding against an embedded DynamoDB.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { bytes, fails, instance, metadata } from './component.mjs';
import { dynamodb, native } from './servers.mjs';

const server = await dynamodb('audit');
const { binding } = await instance();
binding.init(metadata(server.endpoint, { table: 'audit' }));
after(() => server.stop());

test('the only operation is create', () => {
  assert.deepEqual(binding.operations(), ['create']);
  binding.ping();
});

test('create stores each member as an attribute', async () => {
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

test('invalid data and unknown operations are refused', async () => {
  fails(() => binding.invoke('create', bytes('[]'), undefined), 'invalid-argument');
  fails(() => binding.invoke('drop', bytes('{}'), undefined), 'unsupported', /create/);
  const unconfigured = await instance();
  fails(() => unconfigured.binding.invoke('create', bytes('{}'), undefined), 'not-initialized');
});
