// The imports of an instance: jco's shim of WASI, with our own HTTP, polling, streams
// and read-only directories.
import { cli, clocks } from '@bytecodealliance/preview2-shim';
import { WASIShim } from '@bytecodealliance/preview2-shim/instantiation';
import { filesystem } from './files.mjs';
import * as http from './http.mjs';
import { Pollable, monotonicClock, poll } from './poll.mjs';
import { InputStream, OutputStream, error } from './streams.mjs';

export { setIdleTimeout } from './poll.mjs';

const output = (/** @type {NodeJS.WriteStream} */ stream) => new OutputStream((bytes) => stream.write(bytes));

/** @type {typeof import('../imports.d.mts').imports} */
export const imports = (env, directories = {}) =>
  new WASIShim({
    cli: {
      ...cli,
      stdin: { getStdin: () => new InputStream(new Uint8Array()) },
      stdout: { getStdout: () => output(process.stdout) },
      stderr: { getStderr: () => output(process.stderr) },
    },
    clocks: { ...clocks, monotonicClock },
    filesystem: filesystem(directories),
    http,
    io: { error, poll: { Pollable, poll }, streams: { InputStream, OutputStream } },
    sandbox: { env: /** @type {Record<string, string>} */ (env) },
  }).getImportObject();
