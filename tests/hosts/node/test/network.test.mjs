// Tests with network faults. Reads succeed in the end. A write happens once, or its outcome is
// reported as unknown. The proxy counts requests, not the client.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { bytes, direct, environment, fails, instance, metadata, store, text } from './component.mjs';
import { empty, fault, faulty, full, listening, made, selfSigned } from './servers.mjs';
import { readInThread } from './threads.mjs';

/** Returns the number of log lines about an operation that met the fault, or about a connection. @param {string[]} log @param {string} what */
const met = (log, what) => log.filter((line) => line.includes(what)).length;

/** Node's shim applies the connect timeout to the response, which would end the call first here. */
const IMPATIENT = { connectTimeout: '100ms', requestTimeout: '1s' };

test('consecutive calls of all stores share one connection', async (test) => {
  const server = await empty(test);
  const stores = [await store(server.endpoint), await store(server.endpoint), await store(server.endpoint)];
  for (let call = 0; call < 50; call++) {
    for (const state of stores) assert.equal(state.get('k', undefined), undefined);
  }
  assert.equal(met(await server.stop(), 'connection'), 1);
});

test('each thread has its own connection', async (test) => {
  const server = await empty(test);
  await store(server.endpoint);
  for (const key of ['a', 'b']) assert.equal(await readInThread(server.endpoint, key), '');
  assert.equal(met(await server.stop(), 'connection'), 3);
});

test('the Host header is the signed one for any address notation', async (test) => {
  const server = await empty(test);
  const { port } = new URL(server.endpoint);
  await store(`http://127.1:${port}`);
  assert.equal(met(await server.stop(), `Host: 127.1:${port}`), 1);
});

test('a set with a lost response is sent once and read back', async (test) => {
  const proxy = await faulty(test, fault('PutItem', 'action = "withhold"\nafter-effect = true'));
  const state = await store(proxy.endpoint, IMPATIENT);
  const etag = state.set('k', bytes('v'), undefined);
  assert.equal(state.get('k', { consistency: 'strong' })?.etag, etag);
  assert.equal(met(await proxy.stop(), 'PutItem'), 1);
});

test('a set of unknown outcome is sent once and times out', async (test) => {
  const proxy = await faulty(test, fault('PutItem', 'action = "withhold"'));
  const state = await store(proxy.endpoint, IMPATIENT);
  fails(() => state.set('k', bytes('v'), undefined), 'timeout', /"k"/);
  assert.equal(met(await proxy.stop(), 'PutItem'), 1);
});

test('a delete with a broken connection is sent once', async (test) => {
  const proxy = await faulty(test, fault('DeleteItem', 'action = "reset"\nafter-effect = true'));
  const state = await store(proxy.endpoint);
  state.set('k', bytes('v'), undefined);
  fails(() => state.delete('k', undefined), 'unavailable', /"k"/);
  assert.equal(met(await proxy.stop(), 'DeleteItem'), 1);
});

test('a response may take longer than the connect timeout', async (test) => {
  const proxy = await faulty(test, fault('PutItem', 'action = "pass"\ndelay = "400ms"'));
  const state = await store(proxy.endpoint, IMPATIENT);
  state.set('k', bytes('v'), undefined);
  assert.equal(met(await proxy.stop(), 'PutItem'), 1);
});

test('a transaction with a lost response is applied once', async (test) => {
  const proxy = await faulty(test, fault('TransactWriteItems', 'nth = 1\naction = "close"\nafter-effect = true'));
  const state = await store(proxy.endpoint);
  const [etag] = state.transact([{ tag: 'set', val: { key: 'k', value: bytes('v') } }]);
  assert.equal(state.get('k', { consistency: 'strong' })?.etag, etag);
  await proxy.stop();
});

// The first GetItem belongs to `init`.
for (const [name, what] of /** @type {const} */ ([
  ['is cut short', 'action = "truncate"\nbytes = 20'],
  ['is cut after its head', 'action = "truncate"\nbytes = 0'],
  ['stops coming', 'action = "stall"\nbytes = 20'],
  ['never comes', 'action = "withhold"'],
  ['is damaged', 'action = "corrupt"'],
  ['is lost with its connection', 'action = "close"'],
  ['is lost with a reset', 'action = "reset"'],
])) {
  test(`a get is retried if its response ${name}`, async (test) => {
    const proxy = await faulty(test, fault('GetItem', `nth = 2\n${what}`));
    const state = await store(proxy.endpoint, IMPATIENT);
    state.set('k', bytes('v'), undefined);
    assert.equal(text(state.get('k', undefined)?.value), 'v');
    assert.equal(met(await proxy.stop(), 'GetItem'), 1);
  });
}

test('a get is unavailable if all responses end early', async (test) => {
  const proxy = await faulty(test, fault('GetItem', 'nth = 1\naction = "pass"') + fault('GetItem', 'action = "truncate"\nbytes = 0'));
  const state = await store(proxy.endpoint, { maxAttempts: '2' });
  fails(() => state.get('k', undefined), 'unavailable', /"k"/);
  assert.equal(met(await proxy.stop(), 'truncate'), 2);
});

// The shim waits for more data, so with it the request timeout ends the call.
test('a response that switches protocols is an error', async (test) => {
  const answer = 'HTTP/1.1 101 Switching Protocols\\r\\nConnection: upgrade\\r\\nUpgrade: other\\r\\n\\r\\n';
  const server = await made(test, `require('net').createServer((socket) => socket.on('data', () => socket.write('${answer}')))`);
  const { state } = await instance();
  const init = () => state.init(metadata(server.endpoint, { requestTimeout: '500ms', maxAttempts: '1' }));
  if (direct) fails(init, 'unavailable', /upgrade/);
  else fails(init, 'timeout', /`requestTimeout`/);
});

test('an abandoned request closes its connection', async () => {
  const server = createServer();
  const endpoint = await listening(server);
  const connected = once(server, 'connection');
  const { state } = await instance();
  const fields = metadata(endpoint, { requestTimeout: '100ms', maxAttempts: '1' });
  fails(() => state.init(fields), 'timeout');
  const [connection] = await connected;
  connection.resume();
  await once(connection, 'close');
  server.close();
});

// The shim has no connect timeout, so with it the request timeout ends the call.
test('a server that does not finish connecting is a timeout', async (test) => {
  const { state } = await instance();
  const fields = metadata(await full(test), { connectTimeout: '100ms', requestTimeout: '300ms', maxAttempts: '1' });
  fails(() => state.init(fields), 'timeout', direct ? /`connectTimeout`/ : /`requestTimeout`/);
});

/** Returns a state store that has sent no request yet. @param {string} endpoint */
async function unasked(endpoint) {
  return (await instance(environment(endpoint))).state;
}

// The shim treats both as a broken connection: it retries a get, but not a set.
if (direct) {
  test('an untrusted certificate is a TLS error and nothing is sent', async (test) => {
    const server = await selfSigned(test);
    const state = await unasked(server.endpoint);
    fails(() => state.get('k', undefined), 'unavailable', /TLS failed \(tls certificate error/);
    const log = await server.stop();
    assert.deepEqual([met(log, 'connection'), met(log, 'request')], [1, 0]);
  });

  test('a set is retried if its TLS handshake is reset', async (test) => {
    const server = await made(test, `require('net').createServer((socket) => socket.once('data', () => socket.resetAndDestroy()))`, 'https');
    const state = await unasked(server.endpoint);
    fails(() => state.set('k', bytes('v'), undefined), 'unavailable', /after 4 attempts/);
    assert.equal(met(await server.stop(), 'connection'), 4);
  });
}

// The shim would resolve this as a host name, and no test contacts another machine.
if (direct) test('an invalid address is an error and the next call succeeds', async (test) => {
  const server = await empty(test);
  const { state } = await instance();
  fails(() => state.init(metadata('http://127.0.0.256')), 'other', /cannot send/);
  state.init(metadata(server.endpoint));
});
