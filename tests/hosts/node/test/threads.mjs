// Calls from threads other than the test's own.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** What a store finds under a key that is in a thread of its own, which then ends. @param {string} endpoint @param {string} key */
export async function readInThread(endpoint, key) {
  const worker = new Worker(new URL('./reader.mjs', import.meta.url), { workerData: { endpoint, key } });
  const [value] = await once(worker, 'message');
  await worker.terminate();
  return value;
}
