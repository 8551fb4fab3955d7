// Prints how many bytes of this thread's objects remain after each call. Run it with `node
// --expose-gc`. The argument is the endpoint of a table.
import { bytes, store } from './component.mjs';

const collect = /** @type {() => void} */ (globalThis.gc);
const state = await store(process.argv[2] ?? '');

/** @param {number} number */
function call(number) {
  for (let round = 0; round < number; round++) {
    state.set('k', bytes('v'), undefined);
    state.get('k', undefined);
  }
}

function used() {
  collect();
  return process.memoryUsage().heapUsed;
}

call(1000); // until V8 has compiled it, and its tables have grown
const before = used();
call(2000);
console.log((used() - before) / 4000);
