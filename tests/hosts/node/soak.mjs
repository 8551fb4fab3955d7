// Prints the memory of a process that calls an instance of the hosted build for a long time.
//
//     node soak.mjs [CALLS]
import { instance, metadata } from './test/component.mjs';
import { dynamodb } from './test/servers.mjs';

const CALLS = Number(process.argv[2] ?? 500_000);
const TENTH = CALLS / 10;
const VALUE = new TextEncoder().encode('v'.repeat(1024));

const server = await dynamodb('state');
const { state } = await instance();
state.init(metadata(server.endpoint));
for (let call = 0; call <= CALLS; call++) {
  if (call % TENTH === 0) {
    const { rss, heapUsed } = process.memoryUsage();
    console.log(`${call} calls: ${(rss / 1e6).toFixed(0)} MB, objects of this thread ${(heapUsed / 1e6).toFixed(1)} MB`);
  }
  if (call % 2 === 0) state.set(`k${call % 1000}`, VALUE, undefined);
  else state.get(`k${(call - 1) % 1000}`, undefined);
}
await server.stop();
