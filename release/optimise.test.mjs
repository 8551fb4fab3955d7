// Tests the release step with handmade components and with invalid input.
// The core module of a test component is long only because of its `nop`s. The optimiser removes all of them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { CORE_MODULE, sections } from './component.mjs';
import { optimise } from './optimise.mjs';

const CUSTOM = 0;
const NOP = 0x01;
const CONST_42 = [0x41, 42];
const COPY_NOTHING = [0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0a, 0, 0]; // memory.copy, which the target has
const SPLAT_AND_EXTRACT = [...CONST_42, 0xfd, 0x11, 0xfd, 0x1b, 0]; // i32x4.splat, i32x4.extract_lane 0, not in the target

const leb = (value) => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)]);
const sized = (bytes) => [...leb(bytes.length), ...bytes];
const text = (string) => sized([...Buffer.from(string)]);
const section = (id, bytes) => [id, ...sized(bytes)];

/** Returns a core module whose export `answer` runs `nops` `nop`s and `code`. It has a custom section `producers`. */
function coreModule(nops, code = CONST_42) {
  const body = [0, ...Array(nops).fill(NOP), ...COPY_NOTHING, ...code, 0x0b];
  return [
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 0, 1, 0x7f]), // one type: () -> i32
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]), // one memory
    ...section(7, [1, ...text('answer'), 0, 0]),
    ...section(10, [1, ...sized(body)]),
    ...section(CUSTOM, [...text('producers'), 0]),
  ];
}

const componentOf = (...parts) => Uint8Array.from([0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00, ...parts.flat()]);

const CUSTOM_SECTION = section(CUSTOM, [...text('component-type:test'), ...Array(300).fill(7)]);
const LONG = coreModule(20_000);
const SHORT = coreModule(100);
const PADDING = section(CUSTOM, [...text('padding'), ...Array(20_000).fill(0)]);
const ILL_TYPED = [...coreModule(0, [0x42, 42]), ...PADDING]; // returns an i64 instead of an i32
const SIMD = [...coreModule(0, SPLAT_AND_EXTRACT), ...PADDING];
const COMPONENT = componentOf(CUSTOM_SECTION, section(CORE_MODULE, LONG), section(CORE_MODULE, SHORT), CUSTOM_SECTION);

test('core module gets smaller and still works', async () => {
  const [, { content }] = sections(optimise(COMPONENT));
  assert.ok(content.length < 200, `${content.length} bytes`);
  const { instance } = await WebAssembly.instantiate(content);
  assert.equal(instance.exports.answer(), 42);
});

test('custom section of the core module is kept', async () => {
  const [, { content }] = sections(optimise(COMPONENT));
  const [kept] = WebAssembly.Module.customSections(await WebAssembly.compile(content), 'producers');
  assert.deepEqual([...new Uint8Array(kept)], [0]);
});

test('other sections keep their bytes and order', () => {
  const after = optimise(COMPONENT);
  const [, { content }] = sections(after);
  const expected = componentOf(CUSTOM_SECTION, section(CORE_MODULE, [...content]), section(CORE_MODULE, SHORT), CUSTOM_SECTION);
  assert.deepEqual([...after], [...expected]);
});

test('every large core module is optimised', () => {
  const after = sections(optimise(componentOf(section(CORE_MODULE, LONG), section(CORE_MODULE, LONG))));
  assert.deepEqual(after.map(({ content }) => content.length < 200), [true, true]);
});

test('same component gives the same bytes', () => {
  assert.deepEqual(optimise(COMPONENT), optimise(COMPONENT));
});

for (const [what, bytes, sentence] of [
  ['nothing', Uint8Array.of(), /not a WebAssembly component/],
  ['text', Buffer.from('(component)'), /not a WebAssembly component/],
  ['a core module', Uint8Array.from(LONG), /core module, not a component/],
  ['an empty component', componentOf(), /no core module of/],
  ['a component with only short core modules', componentOf(section(CORE_MODULE, SHORT)), /no core module of/],
  ['a truncated component', COMPONENT.subarray(0, COMPONENT.length - 1), /section at byte \d+ is truncated/],
  ['a component without a section size', componentOf([CORE_MODULE]), /no valid section size at byte 9/],
  ['a section size of too many bytes', componentOf([CORE_MODULE], Array(9).fill(0x80)), /no valid section size at byte 9/],
  ['a section size above the file size', componentOf([CORE_MODULE, 0xff, 0xff, 0xff, 0xff, 0x0f]), /section at byte 8 is truncated/],
  ['an invalid core module', componentOf(section(CORE_MODULE, Array(20_000).fill(7))), /error in parsing wasm binary/],
  ['an ill-typed core module', componentOf(section(CORE_MODULE, ILL_TYPED)), /core module is not valid/],
  ['a core module with SIMD', componentOf(section(CORE_MODULE, SIMD)), /not valid, or uses features that the target wasm32-wasip2 does not have/],
]) {
  test(`${what} is refused`, () => assert.throws(() => optimise(bytes), { message: sentence }));
}

test('refused component does not affect the next one', () => {
  const before = optimise(COMPONENT);
  assert.throws(() => optimise(componentOf(section(CORE_MODULE, SIMD))));
  assert.deepEqual(optimise(COMPONENT), before);
});

const SCRIPT = fileURLToPath(new URL('optimise.mjs', import.meta.url));

/** Makes a folder with `in.wasm`. It is removed after the test. */
function folderWithInput(t) {
  const folder = mkdtempSync(join(tmpdir(), 'optimise-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'in.wasm'), COMPONENT);
  return folder;
}

function run(folder, ...words) {
  return { folder, ...spawnSync(process.execPath, [SCRIPT, ...words], { cwd: folder, encoding: 'utf8' }) };
}

/** Runs the command in a new folder with `in.wasm`. */
const command = (t, ...words) => run(folderWithInput(t), ...words);

test('command writes the file and prints both sizes', (t) => {
  const { folder, status, stdout, stderr } = command(t, 'in.wasm', 'out.wasm');
  assert.deepEqual([status, stderr], [0, '']);
  const after = readFileSync(join(folder, 'out.wasm'));
  assert.deepEqual(after, optimise(COMPONENT));
  assert.match(stdout, new RegExp(`^out.wasm: ${after.length} bytes, from ${COMPONENT.length} \\(-\\d+\\.\\d %\\)\n$`));
});

test('output can replace the input, without leftover files', (t) => {
  const { folder, status, stderr } = command(t, 'in.wasm', 'in.wasm');
  assert.deepEqual([status, stderr], [0, '']);
  assert.deepEqual(readFileSync(join(folder, 'in.wasm')), optimise(COMPONENT));
  assert.deepEqual(readdirSync(folder), ['in.wasm']);
});

test('replaced file is never partial, open readers keep the old', (t) => {
  const folder = folderWithInput(t);
  const out = join(folder, 'out.wasm');
  writeFileSync(out, 'of yesterday');
  symlinkSync('out.wasm', join(folder, 'link.wasm'));
  const open = openSync(out);
  t.after(() => closeSync(open));
  assert.equal(run(folder, 'in.wasm', 'link.wasm').status, 0);
  assert.equal(readFileSync(open, 'utf8'), 'of yesterday');
  assert.deepEqual(readFileSync(out), optimise(COMPONENT));
  assert.ok(lstatSync(join(folder, 'link.wasm')).isSymbolicLink());
});

test('output to a pipe keeps the pipe', (t) => {
  const folder = folderWithInput(t);
  const commands = 'mkfifo pipe && { cat pipe > copy & "$0" "$1" in.wasm pipe; wait; }';
  const { status } = spawnSync('sh', ['-c', commands, process.execPath, SCRIPT], { cwd: folder });
  assert.equal(status, 0);
  assert.deepEqual(readFileSync(join(folder, 'copy')), optimise(COMPONENT));
  assert.ok(statSync(join(folder, 'pipe')).isFIFO());
});

test('unreadable input is named in the error', (t) => {
  const { status, stderr } = command(t, 'nothing.wasm', 'out.wasm');
  assert.equal(status, 1);
  assert.match(stderr, /^error: cannot optimise nothing.wasm: .*no such file.*'nothing.wasm'\n$/);
});

test('unwritable output is named in the error', (t) => {
  const { status, stderr } = command(t, 'in.wasm', 'nowhere/out.wasm');
  assert.equal(status, 1);
  assert.match(stderr, /^error: cannot optimise in.wasm: .*no such file.*'nowhere\/out.wasm\.\d+\.tmp'\n$/);
});

test('command needs exactly two paths', (t) => {
  for (const paths of [[], ['in.wasm'], ['in.wasm', 'out.wasm', 'more']]) {
    const { status, stderr } = command(t, ...paths);
    assert.equal(status, 2);
    assert.match(stderr, /^usage: /);
  }
});

test('--help succeeds', (t) => {
  const { status, stdout, stderr } = command(t, '--help');
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, /^usage: /);
});
