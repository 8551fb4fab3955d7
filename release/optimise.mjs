// Optimises the core modules of a component with binaryen (wasm-opt, which accepts only core modules).
// The same input always gives the same output.
//
//   node release/optimise.mjs IN.wasm OUT.wasm
//
// OUT may be the same file as IN. OUT is replaced only after the whole output is on disk. If the command fails, OUT is
// unchanged.
//
// Exit status: 0 success; 1 failure, with an error message; 2 wrong usage.

import { readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import binaryen from 'binaryen';
import { CORE_MODULE, component, sections } from './component.mjs';

// The features that `rustc --print cfg --target wasm32-wasip2` lists. With more features, the optimiser could write
// instructions and sections that hosts cannot read yet. BulkMemoryOpt is a part of BulkMemory that binaryen treats as a
// separate feature. Binaryen aborts if BulkMemory is set without it.
const { BulkMemory, BulkMemoryOpt, Multivalue, MutableGlobals, NontrappingFPToInt, ReferenceTypes, SignExt } = binaryen.Features;
const FEATURES = BulkMemory | BulkMemoryOpt | Multivalue | MutableGlobals | NontrappingFPToInt | ReferenceTypes | SignExt;

// The minimum size of a module to optimise. Smaller modules are adapters between the component and its main module, of a
// few hundred bytes each.
const WORTHWHILE_BYTES = 16 * 1024;

binaryen.setOptimizeLevel(3);
binaryen.setShrinkLevel(0);
// The wasm-opt command does both with -O3, but the library only if they are set. They save 2 kB.
binaryen.setGenerateStackIR(true);
binaryen.setOptimizeStackIR(true);

/** Returns the component with optimised core modules and everything else unchanged. Throws if that is not possible. */
export function optimise(bytes) {
  const all = sections(bytes);
  const worthwhile = all.filter(({ id, content }) => id === CORE_MODULE && content.length >= WORTHWHILE_BYTES);
  if (worthwhile.length === 0) throw new Error(`the component has no core module of ${WORTHWHILE_BYTES} bytes or more`);
  for (const section of worthwhile) section.content = optimiseModule(section.content);
  return component(all);
}

function optimiseModule(bytes) {
  const module = binaryen.readBinary(bytes, FEATURES);
  try {
    if (!module.validate()) throw new Error('a core module is not valid, or uses features that the target wasm32-wasip2 does not have');
    module.optimize();
    if (!module.validate()) throw new Error('binaryen made an invalid module');
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

const USAGE = 'usage: node release/optimise.mjs IN.wasm OUT.wasm';

/** Writes a file completely or not at all, using a temporary file in the same folder. */
function replace(path, bytes) {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there && !there.isFile()) return writeFileSync(path, bytes); // a device or pipe; for a folder, this throws
  const file = there ? realpathSync(path) : path; // keeps a symbolic link
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, bytes, { flag: 'wx', flush: true });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function main(paths) {
  if (paths.includes('--help')) {
    console.log(USAGE);
    return 0;
  }
  if (paths.length !== 2) {
    console.error(USAGE);
    return 2;
  }
  const [from, to] = paths;
  try {
    const before = readFileSync(from);
    const after = optimise(before);
    replace(to, after);
    const change = (100 * (after.length / before.length - 1)).toFixed(1);
    console.log(`${to}: ${after.length} bytes, from ${before.length} (${change} %)`);
    return 0;
  } catch (error) {
    console.error(`error: cannot optimise ${from}: ${error?.message ?? error}`);
    return 1;
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = main(process.argv.slice(2));
}
