// A thread with its own instance. It reads a key, reports the value, and ends.
import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { store, text } from './component.mjs';

if (!isMainThread) {
  const { endpoint, key, fields } = workerData;
  const state = await store(endpoint, fields);
  parentPort?.postMessage(text(state.get(key, { consistency: 'strong' })?.value));
}

/** Returns the value of a key, read in another thread. @param {string} endpoint @param {string} key @param {Record<string, string>} [fields] */
export async function readInThread(endpoint, key, fields) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { endpoint, key, fields } });
  const [value] = await once(worker, 'message');
  await worker.terminate();
  return value;
}
