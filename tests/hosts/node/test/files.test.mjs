// A directory that `wasi/` lends read-only. No call of wasi:filesystem may change anything in it or
// beside it.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, readdir, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import * as shim from '@bytecodealliance/preview2-shim/filesystem';
import { imports } from 'dapr-wasm';

const FOLLOW = { symlinkFollow: true };
const NOW = { tag: 'now' };
const LONG_AGO = { tag: 'timestamp', val: { seconds: 1n, nanoseconds: 0 } };
const BYTES = new TextEncoder().encode('written by the component');

const refused = (/** @type {unknown} */ error) => error === 'not-permitted';

/** The parent of the lent directory and of one that is not lent. @type {string} */
let parent;
/** @type {any} */
let lent;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'lent-'));
  await mkdir(join(parent, 'lent', 'below', 'empty'), { recursive: true });
  await writeFile(join(parent, 'lent', 'file'), 'lent');
  await writeFile(join(parent, 'lent', 'below', 'file'), 'below');
  await symlink('file', join(parent, 'lent', 'link'));
  await mkdir(join(parent, 'beside'));
  await writeFile(join(parent, 'beside', 'file'), 'beside');
  await symlink('../beside', join(parent, 'lent', 'relative'));
  await symlink(join(parent, 'beside'), join(parent, 'lent', 'absolute'));
  lent = lend();
});
afterEach(() => rm(parent, { recursive: true }));

/** Returns the descriptor of the directory that a component gets. */
function lend() {
  const { getDirectories } = imports({}, { '/lent': join(parent, 'lent') })['wasi:filesystem/preopens'];
  const [[descriptor]] = getDirectories();
  return descriptor;
}

const opened = (/** @type {string} */ path, directory = false) => lent.openAt(FOLLOW, path, { directory }, { read: true });
const below = () => opened('below', true);
const file = () => opened('file');

/** Returns everything that can be seen of the files, including their times. */
async function everything() {
  const paths = await readdir(parent, { recursive: true });
  const seen = paths.sort().map(async (path) => {
    const whole = join(parent, path);
    const { mode, nlink, mtimeMs } = await stat(whole);
    const target = await readlink(whole).catch(() => undefined);
    const text = await readFile(whole, 'utf8').catch(() => undefined);
    return { path, mode, nlink, mtimeMs, target, text };
  });
  return Promise.all(seen);
}

/** @type {Record<string, () => unknown>} */
const CHANGES = {
  'append-via-stream': () => file().appendViaStream(),
  'create-directory-at': () => lent.createDirectoryAt('new'),
  'link-at': () => lent.linkAt({}, 'file', lent, 'new'),
  'link-at into a directory below': () => lent.linkAt({}, 'file', below(), 'new'),
  'open-at to create': () => lent.openAt({}, 'new', { create: true }, { read: true }),
  'open-at to create exclusively': () => lent.openAt({}, 'new', { create: true, exclusive: true }, { write: true }),
  'open-at to mutate a directory': () => lent.openAt({}, 'below', { directory: true }, { mutateDirectory: true }),
  'open-at to truncate': () => lent.openAt(FOLLOW, 'file', { truncate: true }, { read: true }),
  'open-at to write': () => lent.openAt(FOLLOW, 'file', {}, { read: true, write: true }),
  'open-at to write in a directory below': () => below().openAt(FOLLOW, 'file', {}, { write: true }),
  'open-at with a flag of a later version': () => lent.openAt(FOLLOW, 'file', { temporary: true }, { read: true }),
  'remove-directory-at': () => lent.removeDirectoryAt('below/empty'),
  'remove-directory-at in a directory below': () => below().removeDirectoryAt('empty'),
  'rename-at': () => lent.renameAt('file', lent, 'new'),
  'rename-at out of a directory below': () => below().renameAt('file', lent, 'new'),
  'set-size': () => file().setSize(0n),
  'set-times': () => file().setTimes(LONG_AGO, LONG_AGO),
  'set-times-at': () => lent.setTimesAt(FOLLOW, 'file', LONG_AGO, LONG_AGO),
  'set-times-at, to now, in a directory below': () => below().setTimesAt({}, 'file', NOW, NOW),
  'symlink-at': () => lent.symlinkAt('file', 'new'),
  'symlink-at in a directory below': () => below().symlinkAt('file', 'new'),
  'unlink-file-at': () => lent.unlinkFileAt('file'),
  'unlink-file-at in a directory below': () => below().unlinkFileAt('file'),
  'write': () => file().write(BYTES, 0n),
  'write-via-stream': () => file().writeViaStream(0n),
};

for (const [operation, change] of Object.entries(CHANGES)) {
  test(`${operation} is not permitted and changes nothing`, async () => {
    const before = await everything();
    assert.throws(change, refused);
    assert.deepEqual(await everything(), before);
  });
}

for (const link of ['relative', 'absolute']) {
  test(`a ${link} link out of the directory is not followed`, async () => {
    const before = await everything();
    const through = `${link}/file`;
    assert.throws(() => opened(through), refused);
    assert.throws(() => lent.openAt({}, through, {}, { read: true }), refused);
    assert.throws(() => lent.statAt(FOLLOW, through), refused);
    assert.throws(() => lent.unlinkFileAt(through), refused);
    assert.throws(() => opened(link, true), refused);
    assert.deepEqual(await everything(), before);
  });
}

test('an operation added by a later shim is refused', async () => {
  const { prototype } = /** @type {any} */ (shim).types.Descriptor;
  prototype.setPermissionsAt = () => {};
  try {
    const { filesystem } = await import(`${new URL('../node_modules/dapr-wasm/wasi/files.mjs', import.meta.url)}?later`);
    const [[descriptor]] = filesystem({ '/lent': join(parent, 'lent') }).preopens.getDirectories();
    assert.throws(() => descriptor.setPermissionsAt({}, 'file'), refused);
  } finally {
    delete prototype.setPermissionsAt;
  }
});

test('a directory and everything below it can be read', () => {
  const text = (/** @type {Uint8Array} */ bytes) => new TextDecoder().decode(bytes);
  assert.equal(text(opened('link').read(100n, 0n)[0]), 'lent');
  assert.equal(text(below().openAt({}, 'file', {}, { read: true }).readViaStream(1n).read(100n)), 'elow');
  assert.equal(lent.statAt({}, 'below/file').size, 5n);
  assert.equal(lent.statAt({}, 'link').type, 'symbolic-link');
  assert.equal(file().stat().type, 'regular-file');
  assert.equal(below().getType(), 'directory');
  assert.deepEqual(file().getFlags(), { read: true });
  assert.equal(lent.readlinkAt('link'), 'file');
  const entries = below().readDirectory();
  const names = [entries.readDirectoryEntry(), entries.readDirectoryEntry()].map(({ name }) => name);
  assert.deepEqual(names.sort(), ['empty', 'file']);
  assert.equal(entries.readDirectoryEntry(), undefined);
  assert.deepEqual(file().metadataHash(), lent.metadataHashAt({}, 'file'));
  const one = file();
  assert.deepEqual([one.isSameObject(one), one.isSameObject(lent)], [true, false]);
});
