// Tests of connections and bodies with the package's imports, for features that jco's shim does
// not have.
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { build, bytes, direct, fails, instance, metadata, store } from './component.mjs';
import { empty, fault, faulty, made } from './servers.mjs';

const IPV6 = Object.values(networkInterfaces()).flat().some((it) => it?.address === '::1');

/** @param {string[]} log @param {string} what */
const count = (log, what) => log.filter((line) => line === what).length;

if (direct) {
  const { setIdleTimeout } = await import('dapr-wasm');
  /** @param {import('node:test').TestContext} test @param {number} milliseconds */
  const idle = (test, milliseconds) => {
    setIdleTimeout(milliseconds);
    test.after(() => setIdleTimeout(20_000));
  };

  test('an idle connection is closed and the next set opens another', async (test) => {
    idle(test, 50);
    const server = await empty(test);
    const state = await store(server.endpoint);
    await server.says('closed');
    state.set('k', bytes('v'), undefined);
    assert.equal(count(await server.stop(), 'connection'), 2);
  });

  test('a connection that waits for a response is not idle', async (test) => {
    idle(test, 50);
    const proxy = await faulty(test, fault('PutItem', 'action = "pass"\ndelay = "400ms"'));
    const state = await store(proxy.endpoint);
    state.set('k', bytes('v'), undefined);
  });

  test('an address that is not allowed is access-denied', async (test) => {
    const server = await empty(test);
    const { host } = new URL(server.endpoint);
    for (const [allow, denied] of /** @type {const} */ ([['127.0.0.1:1', true], [host, false]])) {
      const { state } = await instance({}, build, {}, { allow: [allow] });
      const init = () => state.init(metadata(server.endpoint));
      if (denied) fails(init, 'access-denied', build === 'hosted' ? RegExp(`\\(${host} is not in \`allow\`\\)`) : /127\.0\.0\.1/);
      else init();
    }
    assert.equal(count(await server.stop(), 'connection'), 1);
  });

  test('an internal address behind a rule with * is access-denied', async (test) => {
    const server = await empty(test, 'localhost');
    const { state } = await instance({}, build, {}, { allow: [`*:${new URL(server.endpoint).port}`] });
    fails(() => state.init(metadata(server.endpoint)), 'access-denied', build === 'hosted' ? /localhost resolves to internal/ : /destination ip/);
  });

  test('an endpoint may be an IPv6 address', { skip: !IPV6 && 'this machine has no IPv6' }, async (test) => {
    const state = await store((await empty(test, '[::1]')).endpoint);
    state.set('k', bytes('v'), undefined);
  });

  test('a response before the end of the request is read', async (test) => {
    const refused = JSON.stringify({ __type: 'AccessDeniedException', message: 'not you' });
    const head = `HTTP/1.1 400 Bad Request\\r\\nconnection: close\\r\\ncontent-length: ${refused.length}\\r\\n\\r\\n`;
    // The server reads only the first part of a long request.
    const server = await made(test, `require('net').createServer((socket) => socket.once('data', (head) => {
      if (!head.includes('PutItem')) return socket.end('HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\n{}');
      socket.pause();
      socket.end('${head}' + '${refused}');
    }))`);
    const state = await store(server.endpoint);
    fails(() => state.set('k', new Uint8Array(350_000), undefined), 'access-denied', /not you/);
  });
}
