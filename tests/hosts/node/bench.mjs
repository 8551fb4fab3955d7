// Measures a warm get and set of 1 KiB against the AWS SDK for JavaScript. The contenders
// take turns call by call, on one server, over a kept connection.
//
//     node bench.mjs [CALLS]
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { JSPI, asyncInstance, instance, metadata } from './test/component.mjs';
import { dynamodb, native } from './test/servers.mjs';

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

/** @param {Pick<import('./test/component.mjs').Component['state'], 'init' | 'get' | 'set'>} state @returns {Promise<Contender>} */
async function component(state) {
  await state.init(metadata(server.endpoint));
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

/** @type {[string, Contender][]} */
const contenders = [['SDK', sdk]];
for (const [name, build] of /** @type {const} */ ([
  ["portable build on jco's shim", 'shim'],
  ['portable build', 'portable'],
  ['hosted build', 'hosted'],
])) {
  contenders.push([name, await component((await instance({}, build)).state)]);
}
if (JSPI) {
  const { state } = await asyncInstance();
  contenders.push(['hosted build with promises', await component(/** @type {any} */ (state))]);
} else console.log('no hosted build with promises: it needs Node 24 or later');

console.log(`Node ${process.version}, ${CALLS} calls of each in turn; ms: median (quartiles)`);
for (const call of /** @type {const} */ (['get', 'set'])) {
  const times = await measure(call, contenders.map(([, contender]) => contender));
  const [native = []] = times;
  for (const [index, of] of times.entries()) {
    const [middle, low, high] = [0.5, 0.25, 0.75].map((share) => quantile(of, share).toFixed(3));
    const ratio = quantile(of, 0.5) / quantile(native, 0.5);
    console.log(`${call}, ${contenders[index]?.[0]}: ${middle} (${low}-${high}), ratio to the SDK ${ratio.toFixed(2)}`);
  }
}
await server.stop();
process.exit(); // the SDK keeps its connection for a while
