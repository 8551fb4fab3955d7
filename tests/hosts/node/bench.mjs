// Measures a warm get and set of 1 KiB against the AWS SDK for JavaScript. The contenders
// take turns call by call, on one server, over a kept connection.
//
//     node bench.mjs [CALLS]
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { instance, metadata, shim } from './test/component.mjs';
import { dynamodb, native } from './test/servers.mjs';
import { imports } from 'dapr-wasm';

const CALLS = Number(process.argv[2] ?? 1000);
const WARM_UP = 200;
const KEY = 'bench';
const TEXT = 'v'.repeat(1024);
const VALUE = new TextEncoder().encode(TEXT);

const server = await dynamodb('state');

/** @typedef {Record<'get' | 'set', () => unknown>} Contender */

/** Calls of the SDK with items of the same shape as the component's. @type {Contender} */
const sdk = (() => {
  const client = native(server.endpoint);
  const Item = { key: { S: KEY }, value: { S: TEXT }, etag: { S: '0123456789abcdef' } };
  return {
    get: () => client.send(new GetItemCommand({ TableName: 'state', Key: { key: { S: KEY } } })),
    set: () => client.send(new PutItemCommand({ TableName: 'state', Item })),
  };
})();

/** @param {typeof shim} wasi @returns {Promise<Contender>} */
async function component(wasi) {
  const { state } = await instance({}, wasi);
  state.init(metadata(server.endpoint));
  return { get: () => state.get(KEY, undefined), set: () => state.set(KEY, VALUE, undefined) };
}

/** @param {number[]} times @param {number} share */
const quantile = (times, share) => times[Math.floor((times.length - 1) * share)] ?? NaN;

/** Returns the sorted times of a call for each contender, in milliseconds. @param {'get' | 'set'} call @param {Contender[]} contenders */
async function measure(call, contenders) {
  /** @type {number[][]} */
  const times = contenders.map(() => []);
  for (let round = 0; round < WARM_UP + CALLS; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const index = (round + turn) % contenders.length;
      const begin = process.hrtime.bigint();
      await contenders[index]?.[call]();
      const end = process.hrtime.bigint();
      if (round >= WARM_UP) times[index]?.push(Number(end - begin) / 1e6);
    }
  }
  return times.map((of) => of.sort((a, b) => a - b));
}

console.log(`Node ${process.version}, ${CALLS} calls of each in turn; ms: median (quartiles)`);
for (const [name, wasi] of /** @type {const} */ ([
  ["jco's shim", shim],
  ['wasi/', imports],
])) {
  const ours = await component(wasi);
  for (const call of /** @type {const} */ (['get', 'set'])) {
    const [native = [], component = []] = await measure(call, [sdk, ours]);
    const spread = (/** @type {number[]} */ of) =>
      `${quantile(of, 0.5).toFixed(2)} (${quantile(of, 0.25).toFixed(2)}-${quantile(of, 0.75).toFixed(2)})`;
    const ratio = quantile(component, 0.5) / quantile(native, 0.5);
    console.log(`${call} on ${name}: ${spread(component)}, SDK ${spread(native)}, ratio ${ratio.toFixed(2)}`);
  }
}
await server.stop();
process.exit(); // the SDK keeps its connection for a while
