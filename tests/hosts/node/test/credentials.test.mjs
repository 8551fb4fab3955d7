// Where credentials come from: the variables of a source, and the directory of its
// files. The table takes requests that are signed with keys of the source alone.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { bytes, fails, instance, text } from './component.mjs';
import { SOURCES, lending } from './servers.mjs';

const ROLE = 'arn:aws:iam::123456789012:role/a-role';

const lent = await lending();
after(() => lent.stop());

/** An instance that has these variables and sees the folder. @param {Record<string, string>} environment */
const whereLent = (environment) => instance(environment, undefined, { [lent.folder]: lent.folder });

for (const source of SOURCES) {
  test(`${source} gives credentials`, async () => {
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

test('a profile may be that of a role', async () => {
  const { state } = await whereLent({ ...(await lent.environment('shared-files')), AWS_PROFILE: 'a-role' });
  state.ping();
});

test('a directory may have another name inside', async () => {
  const { AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE, ...others } = await lent.environment('shared-files');
  const { state } = await instance({ ...others, HOME: '/home/me' }, undefined, { '/home/me/.aws': lent.folder });
  state.ping();
});

for (const source of ['shared-files', 'web-identity', 'container']) {
  test(`a directory of ${source} that is not lent is named`, async () => {
    const { state } = await instance(await lent.environment(source));
    fails(() => state.ping(), 'invalid-configuration', new RegExp(lent.folder));
  });
}

test('without any source the error says what was looked for', async () => {
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

test('keys that nobody gave out are refused', async () => {
  const { state } = await instance({ ...(await lent.environment('environment')), AWS_ACCESS_KEY_ID: 'AKIAUNKNOWN' });
  fails(() => state.ping(), 'access-denied');
});

test('the module without instances reads a directory that is added to the shim', async () => {
  const shim = import.meta.resolve('@bytecodealliance/preview2-shim/filesystem');
  const component = new URL('../module/dapr_dynamodb.js', import.meta.url);
  const ping = `([{ _addPreopen }, { state }]) => { _addPreopen('${lent.folder}', '${lent.folder}'); state.ping(); }`;
  const program = `Promise.all([import('${shim}'), import('${component}')]).then(${ping})`;
  const env = { ...process.env, ...(await lent.environment('web-identity')) };
  await promisify(execFile)(process.execPath, ['-e', program], { env });
});
