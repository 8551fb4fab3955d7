// A thread with an instance of its own: it reads a key and tells what it found.
import { parentPort, workerData } from 'node:worker_threads';
import { store, text } from './component.mjs';

const { endpoint, key } = workerData;
const state = await store(endpoint);
parentPort?.postMessage(text(state.get(key, { consistency: 'strong' })?.value));
