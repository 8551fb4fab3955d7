// The rules for a component's requests. A component must not be able to hide a second request in
// a valid one, or to control the connection.
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { isIP } from 'node:net';

/**
 * @typedef {{ tag: 'text', val: string } | { tag: 'bytes', val: Uint8Array }} Data
 *
 * @typedef {object} Request As jco passes it.
 * @property {string} method
 * @property {'http' | 'https'} scheme
 * @property {string} authority
 * @property {string} pathWithQuery
 * @property {[string, string][]} headers
 * @property {Data} body
 * @property {bigint} connectTimeout In nanoseconds.
 * @property {bigint} timeout In nanoseconds.
 *
 * @typedef {object} Origin
 * @property {'http' | 'https'} scheme
 * @property {string} host A name in lower case or an address, without brackets.
 * @property {number} port
 *
 * @typedef {{ tag: 'denied' | 'invalid-request' | 'name-not-resolved' | 'no-connection' | 'tls-failed'
 *   | 'certificate-not-trusted' | 'connection-lost' | 'damaged', val: string }
 *   | { tag: 'connect-timeout' | 'timeout' }} Failure
 *
 * @typedef {'exact' | 'wildcard'} Permission An exact one also allows a name to resolve to an internal address.
 * @typedef {(origin: Origin) => Permission | undefined} Allows
 */

/** The longest method, in bytes. The methods that IANA lists have at most 17. */
const LONGEST_METHOD = 64;

/** The longest authority, in bytes. A name has at most 253, and a port at most 5. */
const LONGEST_AUTHORITY = 300;

/** The tokens of RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;

const PATH = /^\/[!-~]*$/;
const AUTHORITY = /^(\[[\da-fA-F:.]+\]|[\w.-]+)(?::(0|[1-9]\d{0,4}))?$/;

/** Fields that the host writes, or that belong to the connection. */
const FIELDS_OF_THE_HOST =
  /^(?:host|content-length|transfer-encoding|connection|keep-alive|proxy-.*|te|trailer|upgrade|expect|http2-settings)$/i;

const DEFAULT_PORTS = { http: 80, https: 443 };

/** Methods that do not send `content-length` with an empty body (RFC 9110, section 8.6). */
const WITHOUT_CONTENT = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'];

/** @param {string} cause @returns {never} */
function refuse(cause) {
  throw { tag: 'invalid-request', val: cause };
}

/**
 * Returns the names and values of the fields that are sent. Throws the failure of an invalid request.
 *
 * @param {Request} request
 * @param {number} length Of the body, in bytes.
 */
export function fields({ method, authority, pathWithQuery, headers }, length) {
  // Node would send lower-case letters of a method in upper case.
  if (method.length > LONGEST_METHOD || !TOKEN.test(method) || /[a-z]|^CONNECT$/.test(method)) {
    refuse('http request method invalid');
  }
  if (!PATH.test(pathWithQuery)) refuse('http request uri invalid');
  const all = ['host', authority];
  for (const [name, value] of headers) {
    if (FIELDS_OF_THE_HOST.test(name)) refuse(`the host writes the header field "${name}"`);
    try {
      validateHeaderName(name);
    } catch {
      refuse('invalid name of a header field');
    }
    try {
      validateHeaderValue(name, value);
    } catch {
      refuse(`invalid value of the header field "${name}"`);
    }
    all.push(name, value);
  }
  if (length > 0 || !WITHOUT_CONTENT.includes(method)) all.push('content-length', String(length));
  return all;
}

/** Parses a host and an optional port. @param {string} text @returns {[host: string, port: number | undefined] | undefined} */
export function parseAuthority(text) {
  const [, written, port] = AUTHORITY.exec(text) ?? [];
  if (written === undefined || text.length > LONGEST_AUTHORITY || Number(port ?? 0) > 65_535) return undefined;
  try {
    // It writes each IP address in only one way: 127.1 becomes 127.0.0.1.
    const { hostname } = new URL(`http://${written}`);
    return [hostname.replace(/[[\]]/g, ''), port === undefined ? undefined : Number(port)];
  } catch {
    return undefined;
  }
}

/** @type {Map<string, Origin>} */
const origins = new Map();
const MOST_ORIGINS = 1000;

/** Returns the origin of a request. @param {Request} request */
export function originOf({ scheme, authority }) {
  const written = `${scheme}://${authority}`;
  const known = origins.get(written);
  if (known) return known;
  const [host, port = DEFAULT_PORTS[scheme]] = parseAuthority(authority) ?? refuse('http request uri invalid');
  const origin = { scheme, host, port };
  if (origins.size === MOST_ORIGINS) origins.clear();
  origins.set(written, origin);
  return origin;
}

/** Returns whole milliseconds, as many as a timer of Node accepts at most. @param {bigint} nanoseconds */
export const milliseconds = (nanoseconds) => Math.min(Math.ceil(Number(nanoseconds) / 1e6), 2 ** 31 - 1);

/**
 * Returns a function that says if an origin is allowed, and by which kind of rule. The rules are those of dapr-wasm-host:
 * each is `host:port`, and a label `*` stands for one label of a name. Without rules, every origin is allowed.
 *
 * @param {readonly string[] | undefined} rules
 * @returns {Allows}
 */
export function allowing(rules) {
  if (rules === undefined) return () => 'exact';
  if (!Array.isArray(rules) || rules.some((rule) => typeof rule !== 'string')) {
    throw new TypeError("`allow` is not an array of strings; write ['127.0.0.1:8000']");
  }
  const parsed = rules.map(rule);
  return (origin) => {
    const permissions = parsed.map((permission) => permission(origin));
    return permissions.includes('exact') ? 'exact' : permissions.find((permission) => permission !== undefined);
  };
}

/** @param {string} text @returns {Allows} */
function rule(text) {
  const shown = text.replace(/.*@/, '…@'); // without a user name and password
  const invalid = (/** @type {string} */ what) => new TypeError(`\`allow\`: ${JSON.stringify(shown)} ${what}`);
  // A label of letters takes the place of each `*`, because a host cannot have a `*`.
  const [host, port] = parseAuthority(text.replace(/(^|(?<=\.))\*(?=[.:])/g, 'x')) ?? [];
  if (host === undefined) throw invalid('is not host:port; write a name, an address (IPv6 in […]), or * for one label');
  if (port === undefined) throw invalid('has no port; write host:port, such as 127.0.0.1:8000');
  if (!text.includes('*')) return (origin) => (origin.port === port && origin.host === host ? 'exact' : undefined);
  const labels = text.slice(0, text.lastIndexOf(':')).toLowerCase().split('.');
  if (labels.every((label) => /^(?:\*|\d+)$/.test(label)) && labels.some((label) => label !== '*')) {
    throw invalid('has a * in an address; write the whole address');
  }
  return (origin) => {
    if (origin.port !== port || isIP(origin.host)) return undefined;
    const given = origin.host.split('.');
    const matches = (/** @type {string} */ label, /** @type {number} */ at) => (label === '*' ? given[at] !== '' : label === given[at]);
    return given.length === labels.length && labels.every(matches) ? 'wildcard' : undefined;
  };
}
