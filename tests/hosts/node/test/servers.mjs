// Servers of `host-test` and `test-servers`. They end with their tests, or by themselves after ten
// minutes.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';

const built = (/** @type {string} */ name) => new URL(`../../../../target/debug/${name}`, import.meta.url).pathname;
const HOST_TEST = process.env['HOST_TEST'] ?? built('host-test');
const TEST_SERVERS = process.env['TEST_SERVERS'] ?? built('test-servers');
const AT_MOST = ['--for', '10m'];

/**
 * @typedef {object} Server
 * @property {string} endpoint
 * @property {() => Promise<string[]>} stop Ends it, and returns the lines of its standard error.
 * @property {(text: string) => Promise<void>} says Waits until it has written this text to standard error.
 */

/** @param {string} program @param {string[]} args @returns {Promise<Server>} */
async function start(program, args) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  let heard = '';
  child.stderr.setEncoding('utf8').on('data', (piece) => (heard += piece));
  const says = async (/** @type {string} */ text) => {
    while (!heard.includes(text)) await once(child.stderr, 'data');
  };
  const first = once(createInterface({ input: child.stdout }), 'line');
  const [endpoint] = await Promise.race([
    first,
    ended.then(() => Promise.reject(new Error(`${program} ${args.join(' ')}: ${heard}`))),
  ]);
  const stop = async () => {
    child.kill('SIGINT');
    await ended;
    return heard.split('\n');
  };
  return { endpoint, stop, says };
}

/** Starts the embedded DynamoDB with these tables. @param {string[]} tables */
export function dynamodb(...tables) {
  return start(HOST_TEST, ['serve', ...AT_MOST, ...tables.flatMap((table) => ['--table', table])]);
}

/** Returns a client of AWS's SDK for such a server. @param {string} endpoint */
export function native(endpoint) {
  const credentials = { accessKeyId: 'id', secretAccessKey: 'key' };
  return new DynamoDBClient({ endpoint, region: 'us-east-1', credentials });
}

/**
 * Starts the embedded DynamoDB with the table `state`, behind a proxy that injects these
 * faults, for one test.
 *
 * @param {import('node:test').TestContext} test
 * @param {string} faults
 */
export async function faulty(test, faults) {
  const folder = await mkdtemp(join(tmpdir(), 'faults-'));
  const scenario = join(folder, 'scenario.toml');
  await writeFile(scenario, faults);
  const server = await start(TEST_SERVERS, ['faults', ...AT_MOST, '--scenario', scenario]);
  test.after(() => server.stop());
  await rm(folder, { recursive: true });
  return server;
}

/** Returns one fault of a scenario. @param {string} operation @param {string} what */
export const fault = (operation, what) => `[[fault]]\noperation = "${operation}"\n${what}\n`;

/** The sources of credentials, named like the files that `test-servers credentials` writes. */
export const SOURCES = ['environment', 'shared-files', 'web-identity', 'container', 'instance-metadata'];

/**
 * Starts a table that accepts only issued keys. Returns it with the folder that has the settings
 * of their sources, and a function that returns the variables of a source.
 */
export async function lending() {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'lent-')));
  const server = await start(TEST_SERVERS, ['credentials', folder, ...AT_MOST]);
  /** @param {string} source @returns {Promise<Record<string, string>>} */
  const environment = async (source) => {
    const text = await readFile(join(folder, `${source}.sh`), 'utf8');
    return Object.fromEntries([...text.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]));
  };
  const stop = async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  };
  return { endpoint: server.endpoint, folder, environment, stop };
}

/** Starts to listen and returns the endpoint of the server. @param {import('node:net').Server} server */
export async function listening(server) {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return `http://127.0.0.1:${port}`;
}

/** Returns an endpoint without a listener. */
export async function nobody() {
  const server = createServer();
  const endpoint = await listening(server);
  await once(server.close(), 'close');
  return endpoint;
}

/**
 * Starts a server of Node in a separate process, for one test. It writes a line to standard error
 * when a connection opens and when it closes.
 *
 * @param {import('node:test').TestContext} test
 * @param {string} server The expression that creates it.
 * @param {'http' | 'https'} scheme
 * @param {string} host
 */
export async function made(test, server, scheme = 'http', host = '127.0.0.1') {
  const program = `const server = ${server};
  server.on('connection', (socket) => {
    console.error('connection');
    socket.on('error', () => {}).on('close', () => console.error('closed'));
  });
  server.listen(0, '${host.replace(/[[\]]/g, '')}', () => console.log('${scheme}://${host}:' + server.address().port));
  process.once('SIGINT', () => process.exit());`;
  const running = await start(process.execPath, ['-e', program]);
  test.after(() => running.stop());
  return running;
}

/**
 * Starts a table without items, which also writes the `Host` of each request to standard error.
 * It closes no connection while a test runs.
 *
 * @param {import('node:test').TestContext} test
 * @param {string} [host]
 */
export function empty(test, host) {
  return made(test, `require('http').createServer({ keepAliveTimeout: 0 }, (request, response) => {
    console.error('Host: ' + request.headers.host);
    request.resume().once('end', () => response.setHeader('content-length', 2).end('{}'));
  })`, 'http', host);
}

/** Returns a key and a certificate for 127.0.0.1, signed with the key itself, in PEM. */
export async function certificate() {
  const wanted = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1';
  const address = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', '-', '-out', '-'];
  const { stdout } = await promisify(execFile)('openssl', [...wanted.split(' '), ...address]);
  return stdout;
}

/**
 * Starts a TLS server with an untrusted certificate. It writes `request` to standard error if it
 * gets a request nevertheless.
 *
 * @param {import('node:test').TestContext} test
 */
export async function selfSigned(test) {
  const pem = JSON.stringify(await certificate());
  return made(test, `require('https').createServer({ key: ${pem}, cert: ${pem} }, () => console.error('request'))`, 'https');
}

/**
 * Returns an endpoint that accepts no more connections: its process is suspended, and its
 * backlog is full. Linux completes one connection more than the backlog says.
 *
 * @param {import('node:test').TestContext} test
 */
export async function full(test) {
  const program = "const s = require('net').createServer().listen(0, '127.0.0.1', 1, () => console.log(s.address().port))";
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = await once(createInterface({ input: child.stdout }), 'line');
  child.kill('SIGSTOP');
  const waiting = [1, 2].map(() => connect(Number(port), '127.0.0.1'));
  test.after(() => {
    child.kill('SIGKILL');
    for (const socket of waiting) socket.destroy();
  });
  await Promise.all(waiting.map((socket) => once(socket, 'connect')));
  return `http://127.0.0.1:${port}`;
}
