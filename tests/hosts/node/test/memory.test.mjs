// Nothing that a call makes is left when it is over: an instance serves any number of
// calls. In a process of its own, since what runs tests keeps objects of its own.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { direct } from './component.mjs';
import { empty } from './servers.mjs';

if (direct) test('calls leave nothing behind', async (test) => {
  const server = await empty(test);
  const program = new URL('./leftovers.mjs', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program, server.endpoint]);
  assert.ok(Number(stdout) < 50, `${stdout} bytes are left of each call`); // an entry of a Map takes more
});
