// The parts of `dapr-wasm:host/http-client` that do not depend on how a caller waits.
import * as zlib from 'node:zlib';
import { fields, milliseconds, originOf } from './request.mjs';

/**
 * @typedef {import('./request.mjs').Request} Request
 * @typedef {import('./request.mjs').Failure} Failure
 * @typedef {import('./request.mjs').Allows} Allows
 * @typedef {{ tag: 'bytes', val: Uint8Array }} Data
 * @typedef {{ status: number, headers: [string, string][], body: Data, crc32?: number | undefined }} Response
 * @typedef {{ tag: 'ok', val: Response } | { tag: 'err', val: Failure }} Outcome
 */

const dispose = Symbol.dispose ?? Symbol.for('dispose');

/** The resource `pending`. */
export class Pending {
  /** @type {Outcome | undefined} */
  outcome;
  taken = false;
  /** Gives the request up. */
  cancel = () => {};

  [dispose]() {
    if (this.outcome === undefined) this.cancel();
  }
}

/** Takes the outcome of the first request that has ended. @param {Pending[]} requests */
export function take(requests) {
  const index = requests.findIndex((request) => request.outcome !== undefined && !request.taken);
  const request = requests[index];
  if (request?.outcome === undefined) return undefined;
  request.taken = true;
  if (request.outcome.tag === 'ok') summed(request.outcome.val);
  return { index, outcome: request.outcome };
}

/**
 * Returns a request that is ready to be sent. Throws the failure of one that must not be sent.
 *
 * @param {Request} request
 * @param {Allows} allows
 */
export function prepared(request, allows) {
  const { method, pathWithQuery, body, connectTimeout, timeout } = request;
  const length = body.tag === 'text' ? Buffer.byteLength(body.val) : body.val.length;
  const origin = originOf(request);
  const headers = fields(request, length);
  const permission = allows(origin);
  if (permission === undefined) {
    const host = origin.host.includes(':') ? `[${origin.host}]` : origin.host;
    throw { tag: 'denied', val: `${host}:${origin.port} is not in \`allow\`` };
  }
  return {
    ...origin,
    external: permission === 'wildcard',
    method,
    path: pathWithQuery,
    headers,
    body: body.val,
    length,
    connectTimeout: milliseconds(connectTimeout),
    timeout: milliseconds(timeout),
  };
}

/**
 * Returns a response as the component takes it.
 *
 * @param {number} status
 * @param {string[]} flat The names and values of its header fields.
 * @param {Uint8Array} body
 * @returns {Outcome}
 */
export function response(status, flat, body) {
  /** @type {[string, string][]} */
  const headers = [];
  for (let at = 0; at + 1 < flat.length; at += 2) headers.push([flat[at] ?? '', flat[at + 1] ?? '']);
  return { tag: 'ok', val: { status, headers, body: { tag: 'bytes', val: body } } };
}

/** Adds the checksum of the body, if this Node computes it. @param {Response} response */
export function summed(response) {
  response.crc32 = zlib.crc32?.(response.body.val); // from Node 20.15 and 22.2 on
  return response;
}

/** @param {import('./connections.mjs').Outcome} outcome @returns {Outcome} */
export function converted(outcome) {
  if ('failure' in outcome) return { tag: 'err', val: outcome.failure };
  const { status, headers, body } = outcome.response;
  return response(status, headers, body);
}
