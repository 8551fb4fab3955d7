// Lets the component find its credentials. It sees the variables of the process, and may
// read the directories of the files that they name.
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { imports } from 'dapr-wasm';
import { instantiate } from 'dapr-wasm/component/dapr_dynamodb.js';

/** @type {Record<string, string>} */
const directories = {};
for (const variable of [
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
]) {
  const file = process.env[variable];
  if (file) directories[dirname(file)] = dirname(file); // under the same name
}
const compiled = async (/** @type {string} */ name) =>
  WebAssembly.compile(await readFile(new URL(import.meta.resolve(`dapr-wasm/component/${name}`))));
const { state } = await instantiate(compiled, imports(process.env, directories));
console.log(state.set('order-1', new TextEncoder().encode('paid'), undefined));
