// What an instance of the component imports: Node's own WASI, but for HTTP and what
// waits for it.
import { cli, clocks } from '@bytecodealliance/preview2-shim';
import { WASIShim } from '@bytecodealliance/preview2-shim/instantiation';
import * as http from './http.mjs';
import { Pollable, monotonicClock, poll } from './poll.mjs';
import { InputStream, OutputStream, error } from './streams.mjs';

const output = (/** @type {NodeJS.WriteStream} */ stream) => new OutputStream((bytes) => stream.write(bytes));

/** The imports of an instance that sees this environment alone. @param {Record<string, string>} env */
export function imports(env) {
  return new WASIShim({
    cli: {
      ...cli,
      stdin: { getStdin: () => new InputStream(new Uint8Array()) },
      stdout: { getStdout: () => output(process.stdout) },
      stderr: { getStderr: () => output(process.stderr) },
    },
    clocks: { ...clocks, monotonicClock },
    http,
    io: { error, poll: { Pollable, poll }, streams: { InputStream, OutputStream } },
    sandbox: { env },
  }).getImportObject();
}
