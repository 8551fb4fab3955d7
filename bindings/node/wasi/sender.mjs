// The thread that sends HTTP requests. It receives a message for each request and replies
// with one for the whole response. Each thread that imports `poll.mjs` has its own sender.
// All instances of that thread share the sender's idle connections.
//
// The sender does not reuse a connection that was idle for too long or that the server has
// closed. A request on it could be lost, and the component does not retry a write that may
// have taken effect.
import { Agent as HttpAgent, request as http } from 'node:http';
import { Agent as HttpsAgent, request as https } from 'node:https';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * @typedef {object} Request
 * @property {number} id
 * @property {'http' | 'https'} scheme
 * @property {string} authority
 * @property {string} path
 * @property {string} method
 * @property {Record<string, string>} headers
 * @property {Uint8Array} body
 * @property {number | undefined} connectTimeout In milliseconds.
 *
 * @typedef {{ tag: string, val?: unknown }} ErrorCode wasi:http's
 * @typedef {{ status: number, headers: string[], body: Uint8Array }} Answer
 */

const { answers, arrived } = workerData;

/**
 * The default idle timeout of connections, in milliseconds; the same as in dapr-wasm-host.
 * Load balancers and NAT gateways drop idle connections silently; those of AWS after 350 s.
 */
const IDLE_TIMEOUT = 20_000;

/**
 * Returns agents that close connections after they are idle for `timeout` milliseconds, or
 * earlier if the server's `keep-alive` header says so.
 *
 * @param {number} timeout
 */
const agentsWith = (timeout) => ({
  http: new HttpAgent({ keepAlive: true, timeout }),
  https: new HttpsAgent({ keepAlive: true, timeout }),
});
let agents = agentsWith(IDLE_TIMEOUT);

const protocols = {
  http: { request: http, connected: 'connect' },
  https: { request: https, connected: 'secureConnect' },
};

/** @type {Map<number, import('node:http').ClientRequest | undefined>} */
const underWay = new Map();

/** The longest response that the component reads, in bytes. */
const LONGEST_ANSWER = 128 * 1024 * 1024;

const CONNECTION_TIMEOUT = 'connection-timeout';

/** @param {number} id @param {{ answer: Answer } | { error: ErrorCode }} outcome */
function tell(id, outcome) {
  if (!underWay.delete(id)) return;
  answers.postMessage({ id, ...outcome });
  Atomics.add(arrived, 0, 1);
  Atomics.notify(arrived, 0);
}

parentPort?.on('message', (/** @type {Request | { cancelled: number } | { idleTimeout: number }} */ message) => {
  if ('cancelled' in message) {
    const request = underWay.get(message.cancelled);
    underWay.delete(message.cancelled);
    request?.destroy();
  } else if ('idleTimeout' in message) {
    for (const agent of Object.values(agents)) agent.destroy();
    agents = agentsWith(message.idleTimeout);
  } else {
    underWay.set(message.id, undefined);
    // In the event loop, a message may arrive before the end of a connection. One turn later,
    // Node has seen all connections that the server closed before.
    setImmediate(() => begin(message));
  }
});

/** @param {Request} message */
function begin(message) {
  if (!underWay.has(message.id)) return; // cancelled meanwhile
  try {
    underWay.set(message.id, send(message));
  } catch {
    tell(message.id, { error: { tag: 'configuration-error' } }); // not a request that Node can send
  }
}

/** @param {Request} message */
function send({ id, scheme, authority, path, method, headers, body, connectTimeout }) {
  const { request, connected } = protocols[scheme];
  const agent = agents[scheme];
  const url = new URL(`${scheme}://${authority}`);
  const outgoing = request(url, { agent, path, method, headers: { ...headers, host: authority } }); // as it was signed
  // A request that fails before it has a connection was not sent.
  let sent = false;
  outgoing.once('socket', (socket) => {
    sent = !socket.connecting;
    if (sent) return;
    const late = () => outgoing.destroy(Object.assign(new Error('late'), { code: CONNECTION_TIMEOUT }));
    const timer = connectTimeout === undefined ? undefined : setTimeout(late, connectTimeout);
    socket.once(connected, () => {
      sent = true;
      clearTimeout(timer);
    });
    socket.once('close', () => clearTimeout(timer));
  });
  outgoing.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
    tell(id, { error: sent ? { tag: 'connection-terminated' } : unsent(scheme, error) });
  });
  outgoing.once('upgrade', (_, socket) => {
    socket.destroy();
    tell(id, { error: { tag: 'HTTP-upgrade-failed' } }); // nobody has asked for one
  });
  outgoing.once('response', (response) => {
    /** @type {Buffer[]} */
    const pieces = [];
    let length = 0;
    response.on('data', (piece) => {
      length += piece.length;
      if (length > LONGEST_ANSWER) response.destroy(new Error('too long'));
      else pieces.push(piece);
    });
    response.on('error', () => tell(id, { error: { tag: 'HTTP-response-incomplete' } }));
    response.once('end', () => {
      const answer = { status: response.statusCode ?? 0, headers: response.rawHeaders, body: Buffer.concat(pieces) };
      tell(id, { answer });
    });
  });
  outgoing.end(body);
  return outgoing;
}

/**
 * Maps a failed connection to an error code of wasi:http that means that the request was not sent.
 *
 * @param {'http' | 'https'} scheme
 * @param {NodeJS.ErrnoException} error
 * @returns {ErrorCode}
 */
function unsent(scheme, { code = '', message }) {
  switch (code) {
    case CONNECTION_TIMEOUT:
      return { tag: CONNECTION_TIMEOUT };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'EAI_MEMORY':
      return { tag: 'DNS-error', val: { rcode: code } };
    case 'ECONNREFUSED':
      return { tag: 'connection-refused' };
    case 'EADDRNOTAVAIL': // this machine has no local port left
    case 'EMFILE': // or this process no file
      return { tag: 'connection-limit-reached' };
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
    case 'ECONNRESET': // in the TLS handshake, as is EPIPE
    case 'EPIPE':
      return { tag: 'destination-unavailable' };
    default:
      if (scheme === 'https') {
        // Codes of OpenSSL mean that the handshake failed. All other codes with an underscore
        // reject the certificate: see 'X509 certificate error codes' in Node's TLS documentation.
        const handshake = code.startsWith('ERR_SSL_') || code === 'ERR_TLS_HANDSHAKE_TIMEOUT';
        const certificate = code.includes('_') && !handshake;
        if (certificate) return { tag: 'TLS-certificate-error' };
        return { tag: 'TLS-alert-received', val: { alertMessage: message } };
      }
      return { tag: 'internal-error', val: message };
  }
}
