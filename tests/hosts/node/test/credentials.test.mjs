// Tests of the sources of credentials: their environment variables, and the directory with their
// files. The table accepts only requests signed with keys of the source.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { bytes, fails, instance, text } from './component.mjs';
import { SOURCES, lending } from './servers.mjs';

const ROLE = 'arn:aws:iam::123456789012:role/a-role';

const lent = await lending();
after(() => lent.stop());

/** Returns an instance that has these variables and sees the folder. @param {Record<string, string>} environment */
const whereLent = (environment) => instance(environment, undefined, { [lent.folder]: lent.folder });

for (const source of SOURCES) {
  test(`${source} provides credentials`, async () => {
    const { state } = await whereLent(await lent.environment(source));
    state.set(source, bytes('v'), undefined);
    assert.equal(text(state.get(source, undefined)?.value), 'v');
  });

  test(`a role is assumed over ${source}`, async () => {
    const { state } = await whereLent(await lent.environment(source));
    state.init([
      ['assumeRoleArn', ROLE],
      ['sessionName', 'a-session'],
    ]);
  });
}

test('a profile may assume a role', async () => {
  const { state } = await whereLent({ ...(await lent.environment('shared-files')), AWS_PROFILE: 'a-role' });
  state.ping();
});

test('a directory may have another path inside the instance', async () => {
  const { AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE, ...others } = await lent.environment('shared-files');
  const { state } = await instance({ ...others, HOME: '/home/me' }, undefined, { '/home/me/.aws': lent.folder });
  state.ping();
});

for (const source of ['shared-files', 'web-identity', 'container']) {
  test(`the missing directory of ${source} is named`, async () => {
    const { state } = await instance(await lent.environment(source));
    fails(() => state.ping(), 'invalid-configuration', new RegExp(lent.folder));
  });
}

test('the error without any source lists the sources tried', async () => {
  const { state } = await instance();
  const fields = /** @type {[string, string][]} */ (Object.entries({ table: 'state', endpoint: lent.endpoint }));
  for (const looked of [
    /accessKey/,
    /AWS_ACCESS_KEY_ID/,
    /AWS_SHARED_CREDENTIALS_FILE/,
    /AWS_WEB_IDENTITY_TOKEN_FILE/,
    /AWS_CONTAINER_CREDENTIALS_FULL_URI/,
    /AWS_EC2_METADATA_DISABLED/,
  ]) {
    fails(() => state.init(fields), 'invalid-configuration', looked);
  }
});

test('keys that were never issued are refused', async () => {
  const { state } = await instance({ ...(await lent.environment('environment')), AWS_ACCESS_KEY_ID: 'AKIAUNKNOWN' });
  fails(() => state.ping(), 'access-denied');
});

test('the plain module reads a directory added to the shim', async () => {
  const shim = import.meta.resolve('@bytecodealliance/preview2-shim/filesystem');
  const component = new URL('../module/dapr_dynamodb.js', import.meta.url);
  const ping = `([{ _addPreopen }, { state }]) => { _addPreopen('${lent.folder}', '${lent.folder}'); state.ping(); }`;
  const program = `Promise.all([import('${shim}'), import('${component}')]).then(${ping})`;
  const env = { ...process.env, ...(await lent.environment('web-identity')) };
  await promisify(execFile)(process.execPath, ['-e', program], { env });
});
