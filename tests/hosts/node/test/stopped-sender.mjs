// The sender of `wasi/`, whose event loop stands still from an order until the gate is opened.
import { workerData } from 'node:worker_threads';
import '../node_modules/dapr-wasm/wasi/sender.mjs';

const { orders, gate } = workerData;
orders.on('message', () => {
  orders.postMessage('stands still');
  Atomics.wait(gate, 0, 0);
});
