// Splits a component into sections and joins them again. This module never changes the bytes of a section.
// Format: https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md

/** Section id of a core module inside a component. */
export const CORE_MODULE = 1;

// "\0asm", then the version 0xd and the layer 1; a core module has version 1 and layer 0.
const MAGIC = [0x00, 0x61, 0x73, 0x6d];
const COMPONENT = [...MAGIC, 0x0d, 0x00, 0x01, 0x00];
const MODULE = [...MAGIC, 0x01, 0x00, 0x00, 0x00];

const startsWith = (bytes, prefix) => prefix.every((byte, at) => bytes[at] === byte);

/** Returns the sections of a component as `{ id, content }`, in their order. Throws if the bytes are not a component. */
export function sections(bytes) {
  if (startsWith(bytes, MODULE)) throw new Error('the file is a core module, not a component');
  if (!startsWith(bytes, COMPONENT)) throw new Error('the file is not a WebAssembly component');
  const found = [];
  for (let at = COMPONENT.length; at < bytes.length; ) {
    const id = bytes[at];
    const [size, start] = readSize(bytes, at + 1);
    if (size > bytes.length - start) throw new Error(`the section at byte ${at} is truncated`);
    found.push({ id, content: bytes.subarray(start, start + size) });
    at = start + size;
  }
  return found;
}

/** Returns the component with these sections. */
export function component(sections) {
  const parts = sections.flatMap(({ id, content }) => [Uint8Array.of(id, ...size(content.length)), content]);
  return Buffer.concat([Uint8Array.from(COMPONENT), ...parts]);
}

/** Reads an unsigned LEB128 number of at most 32 bits at `at`. Returns the number and the index after it. */
function readSize(bytes, at) {
  let value = 0;
  for (let digit = 0; digit < 5; digit += 1) {
    const byte = bytes[at + digit];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * digit); // not <<, which would make the 32nd bit the sign
    if (byte < 0x80) return [value, at + digit + 1];
  }
  throw new Error(`no valid section size at byte ${at}`);
}

function size(value) {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return [...bytes, value];
}
