// Has the component find its credentials: it sees the variables of the process, and of
// its files those in directories that are lent to it.
import { dirname } from 'node:path';
import * as filesystem from '@bytecodealliance/preview2-shim/filesystem';
import { state } from './component/dapr_dynamodb.js';

const { _addPreopen } = /** @type {any} */ (filesystem); // which Node's shim has, and its types have not
for (const variable of [
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
]) {
  const file = process.env[variable];
  if (file) _addPreopen(dirname(file), dirname(file)); // by its own name
}
console.log(state.set('order-1', new TextEncoder().encode('paid'), undefined));
