// The imports of an instance: `dapr-wasm:host`, and jco's shim of WASI with our own HTTP,
// polling, streams and read-only directories.
import { cli, clocks } from '@bytecodealliance/preview2-shim';
import { WASIShim } from '@bytecodealliance/preview2-shim/instantiation';
import * as blocking from '../host/blocking.mjs';
import { digest } from '../host/digest.mjs';
import { allowing } from '../host/request.mjs';
import * as suspending from '../host/suspending.mjs';
import { filesystem } from './files.mjs';
import { http } from './http.mjs';
import { Pollable, monotonicClock, poll } from './poll.mjs';
import { InputStream, OutputStream, error } from './streams.mjs';

export { queued } from '../host/queue.mjs';

/** @type {typeof import('../imports.d.mts').setIdleTimeout} */
export const setIdleTimeout = (milliseconds) => {
  if (!(Number.isFinite(milliseconds) && milliseconds >= 0 && milliseconds < 2 ** 31)) {
    throw new RangeError(`setIdleTimeout: ${milliseconds} is not a number of milliseconds from 0 to 2,147,483,647`);
  }
  blocking.setIdleTimeout(milliseconds);
  suspending.connections.setIdleTimeout(milliseconds);
};

const output = (/** @type {NodeJS.WriteStream} */ stream) => new OutputStream((bytes) => stream.write(bytes));

/**
 * @param {Record<string, string | undefined>} env
 * @param {Record<string, string>} directories
 * @param {import('../host/request.mjs').Allows} allows
 */
const wasi = (env, directories, allows) =>
  new WASIShim({
    cli: {
      ...cli,
      stdin: { getStdin: () => new InputStream(new Uint8Array()) },
      stdout: { getStdout: () => output(process.stdout) },
      stderr: { getStderr: () => output(process.stderr) },
    },
    clocks: { ...clocks, monotonicClock },
    filesystem: filesystem(directories),
    http: http(allows),
    io: { error, poll: { Pollable, poll }, streams: { InputStream, OutputStream } },
    sandbox: { env: /** @type {Record<string, string>} */ (env) },
  }).getImportObject();

/** Refuses misspelt options, which would allow every address. @param {import('../imports.d.mts').Options} options */
const checked = (options) => {
  const other = Object.keys(options).find((name) => name !== 'allow');
  if (other !== undefined) {
    throw new TypeError(`unknown option ${JSON.stringify(other)}; write { allow: ['127.0.0.1:8000'] }`);
  }
  return allowing(options.allow);
};

/** @type {typeof import('../imports.d.mts').imports} */
export const imports = (env, directories = {}, options = {}) => {
  const allows = checked(options);
  blocking.sender(); // its thread starts while the component is compiled
  return {
    ...wasi(env, directories, allows),
    'dapr-wasm:host/digest': digest,
    'dapr-wasm:host/http-client': blocking.httpClient(allows),
  };
};

/** @type {typeof import('../imports.d.mts').asyncImports} */
export const asyncImports = (env, directories = {}, options = {}) => {
  const allows = checked(options);
  return {
    ...wasi(env, directories, allows),
    'dapr-wasm:host/digest': digest,
    'dapr-wasm:host/http-client': suspending.httpClient(allows),
  };
};
