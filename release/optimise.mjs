// Optimises the core modules of a component with binaryen's optimiser (wasm-opt, which takes core modules only).
// The same bytes in give the same bytes out.
//
//   node release/optimise.mjs IN.wasm OUT.wasm
//
// OUT may be IN: it is replaced when all of the output is on the disk, and left alone when there is none.
//
// Exit status: 0 written; 1 not, with a sentence why; 2 usage.

import { readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import binaryen from 'binaryen';
import { CORE_MODULE, component, sections } from './component.mjs';

// What `rustc --print cfg --target wasm32-wasip2` lists. More would let the optimiser write instructions and
// sections that hosts do not read yet. BulkMemoryOpt is the part of BulkMemory that binaryen counts apart: it
// aborts where the second is without the first.
const { BulkMemory, BulkMemoryOpt, Multivalue, MutableGlobals, NontrappingFPToInt, ReferenceTypes, SignExt } = binaryen.Features;
const FEATURES = BulkMemory | BulkMemoryOpt | Multivalue | MutableGlobals | NontrappingFPToInt | ReferenceTypes | SignExt;

// Smaller modules are the adapters between the component and its main module, a few hundred bytes each.
const WORTHWHILE_BYTES = 16 * 1024;

binaryen.setOptimizeLevel(3);
binaryen.setShrinkLevel(0);
// The wasm-opt command does both for -O3, the library only when told: 2 kB.
binaryen.setGenerateStackIR(true);
binaryen.setOptimizeStackIR(true);

/** The component with its core modules optimised and everything else as it was; throws why it cannot be. */
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
    if (!module.validate()) throw new Error('a core module is not valid, or uses what the target wasm32-wasip2 has not');
    module.optimize();
    if (!module.validate()) throw new Error('binaryen has made an invalid module');
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

const USAGE = 'usage: node release/optimise.mjs IN.wasm OUT.wasm';

/** Writes a file as a whole or not at all, by way of a temporary one in the same folder. */
function replace(path, bytes) {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there && !there.isFile()) return writeFileSync(path, bytes); // a device, or a folder, which is the error
  const file = there ? realpathSync(path) : path; // a link stays one
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
    console.error(`error: ${from} is not optimised: ${error?.message ?? error}`);
    return 1;
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = main(process.argv.slice(2));
}
