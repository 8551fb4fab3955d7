// Tests which kept connections the sender of `wasi/` reuses. Its event loop learns of their end and
// of the next request at the same time, as after a process was suspended.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { MessageChannel, Worker } from 'node:worker_threads';
import { listening } from './servers.mjs';

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';
const A_MOMENT = 50;

const { port1: answers, port2: toAnswer } = new MessageChannel();
const { port1: orders, port2: toObey } = new MessageChannel();
const gate = new Int32Array(new SharedArrayBuffer(4));
const arrived = new Int32Array(new SharedArrayBuffer(4));
/** @type {Worker} */
let sender;
let authority = '';
/** @type {import('node:net').Socket[]} */
let connections = [];
const server = createServer((connection) => {
  connections.push(connection);
  connection.on('error', () => {}).on('data', () => connection.writable && connection.write(ANSWER));
});

before(async () => {
  authority = new URL(await listening(server)).host;
  sender = new Worker(new URL('./stopped-sender.mjs', import.meta.url), {
    workerData: { answers: toAnswer, arrived, orders: toObey, gate },
    transferList: [toAnswer, toObey],
  });
});
beforeEach(() => (connections = []));
after(async () => {
  await sender.terminate();
  for (const connection of connections) connection.destroy();
  server.close();
});

let requests = 0;

function send() {
  const request = { scheme: 'http', authority, path: '/', method: 'POST', headers: {}, body: new Uint8Array(3) };
  sender.postMessage({ id: ++requests, ...request });
}

/** Returns the status of the next response. */
async function status() {
  const [{ answer, error }] = await once(answers, 'message');
  return answer ? answer.status : error.tag;
}

/** Runs `meanwhile` while the sender's event loop is suspended. @param {() => Promise<unknown>} meanwhile */
async function standingStill(meanwhile) {
  Atomics.store(gate, 0, 0);
  orders.postMessage('stand still');
  await once(orders, 'message');
  await meanwhile();
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
}

test('a connection is reused', async () => {
  for (let request = 0; request < 3; request++) {
    send();
    assert.equal(await status(), 200);
  }
  assert.equal(connections.length, 1);
});

test('a connection closed by the server is not reused', async () => {
  sender.postMessage({ idleTimeout: 60_000 }); // closes the connection of the previous test
  send();
  assert.equal(await status(), 200);
  await standingStill(async () => {
    const [connection] = connections;
    connection?.end();
    await once(/** @type {import('node:net').Socket} */ (connection), 'finish');
    send();
  });
  assert.equal(await status(), 200);
  assert.equal(connections.length, 2);
});

test('a connection that was idle for too long is not reused', async () => {
  sender.postMessage({ idleTimeout: A_MOMENT });
  send();
  assert.equal(await status(), 200);
  await standingStill(async () => {
    const until = performance.now() + 2 * A_MOMENT;
    while (performance.now() < until) await new Promise(setImmediate);
    send();
  });
  assert.equal(await status(), 200);
  assert.equal(connections.length, 2);
});
