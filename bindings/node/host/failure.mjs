// Maps errors of Node to the failures of a request. The texts are those of
// dapr-wasm-host, with Node's own cause where it says more.
import { INTERNAL } from './internal.mjs';

/**
 * @typedef {import('./request.mjs').Failure} Failure
 * @typedef {NodeJS.ErrnoException & { reason?: string }} NodeError Errors of OpenSSL and llhttp have a reason.
 */

/** Returns the failure of a request on an open connection. @param {NodeError} error @returns {Failure} */
export function broken({ code = '', message, reason }) {
  // Codes of llhttp, Node's parser.
  if (code.startsWith('HPE_')) return { tag: 'damaged', val: `invalid HTTP response: ${reason ?? message}` };
  // With TLS 1.3, a server may refuse the client after the handshake.
  return { tag: 'connection-lost', val: reason === undefined ? 'connection terminated' : `connection terminated: ${reason}` };
}

/**
 * Returns the failure to open a connection.
 *
 * @param {NodeError} error
 * @param {'http' | 'https'} scheme
 * @returns {Failure}
 */
export function unconnected({ code = '', message, reason }, scheme) {
  switch (code) {
    case INTERNAL:
      return { tag: 'denied', val: message };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'EAI_MEMORY':
      return { tag: 'name-not-resolved', val: message };
    case 'ECONNREFUSED':
      return { tag: 'no-connection', val: 'connection refused; check that the server is running, and its address' };
    case 'EADDRNOTAVAIL': // this machine has no local port left
    case 'EMFILE': // or this process no file
      return { tag: 'no-connection', val: 'connection limit reached' };
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return { tag: 'no-connection', val: 'destination ip unroutable' };
    case 'ETIMEDOUT':
    case 'ECONNRESET': // in the TLS handshake, as is EPIPE
    case 'EPIPE':
      return { tag: 'no-connection', val: 'destination unavailable' };
  }
  if (scheme === 'http') return { tag: 'no-connection', val: message };
  // Codes of Node begin with ERR_. All other codes with an underscore reject the certificate: see
  // 'X509 certificate error codes' in Node's TLS documentation.
  const certificate = code.includes('_') && (!code.startsWith('ERR_') || code.startsWith('ERR_TLS_CERT'));
  if (certificate) return { tag: 'certificate-not-trusted', val: `tls certificate error: ${message}` };
  // If a write fails, the reason is only in OpenSSL's line: error:code:library:function:reason:file:line.
  const [, written] = /:error:[^:]*:[^:]*:[^:]*:([^:]+):/.exec(message) ?? [];
  const cause = reason ?? written ?? message.trim();
  const hint = cause === 'wrong version number' ? '; check that the server expects TLS' : '';
  return { tag: 'tls-failed', val: cause + hint };
}
