// Tests that the example program in docs/hosts/node.md works.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { dynamodb } from './servers.mjs';

const EXAMPLE = '../../../../bindings/node/examples/orders.mjs';

const server = await dynamodb('state');
after(() => server.stop());

test('the example prints the expected lines', async () => {
  const program = new URL(EXAMPLE, import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [program, server.endpoint]);
  assert.equal(stdout, 'somebody else was faster\norder-1 is paid\nnew\nabsent\norder-1 is sent\n');
});

test('the page shows the example unchanged', async () => {
  const read = (/** @type {string} */ path) => readFile(new URL(path, import.meta.url), 'utf8');
  const shown = `\`\`\`js\n${await read(EXAMPLE)}\`\`\`\n`;
  assert.ok((await read('../../../../docs/hosts/node.md')).includes(shown), 'copy orders.mjs into the page');
});
