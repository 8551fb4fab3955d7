// The sender of `wasi/`. On a message, its event loop stops until the gate is opened.
import { workerData } from 'node:worker_threads';
import '../node_modules/dapr-wasm/wasi/sender.mjs';

const { orders, gate } = workerData;
orders.on('message', () => {
  orders.postMessage('stands still');
  Atomics.wait(gate, 0, 0);
});
