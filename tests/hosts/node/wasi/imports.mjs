// What an instance of the component imports: Node's own WASI, but for HTTP and what
// waits for it.
import { cli, clocks } from '@bytecodealliance/preview2-shim';
import { WASIShim } from '@bytecodealliance/preview2-shim/instantiation';
import { filesystem } from './files.mjs';
import * as http from './http.mjs';
import { Pollable, monotonicClock, poll } from './poll.mjs';
import { InputStream, OutputStream, error } from './streams.mjs';

export { setIdleTimeout } from './poll.mjs';

const output = (/** @type {NodeJS.WriteStream} */ stream) => new OutputStream((bytes) => stream.write(bytes));

/**
 * The imports of an instance that sees this environment alone, and these directories
 * by the names that it knows them by.
 *
 * @param {NodeJS.Dict<string>} env
 * @param {Record<string, string>} [directories]
 * @returns {any} What `instantiate` of any component takes.
 */
export function imports(env, directories = {}) {
  return new WASIShim({
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
}
