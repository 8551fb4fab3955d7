// Internal addresses: those of this machine, of a private network, or of a cloud's metadata
// service. The owner of a name chooses its addresses, so a name that only a rule with a `*`
// allows must not lead there. The list is that of dapr-wasm-host: all addresses that IANA lists
// as not globally reachable, and multicast.
import { lookup } from 'node:dns';
import { BlockList, isIPv6 } from 'node:net';

/** @type {readonly [first: string, last: string][]} */
const V4 = [
  ['0.0.0.0', '0.255.255.255'], // "this network"
  ['10.0.0.0', '10.255.255.255'], // private
  ['100.64.0.0', '100.127.255.255'], // of carriers and clouds (RFC 6598)
  ['127.0.0.0', '127.255.255.255'], // loopback
  ['168.63.129.16', '168.63.129.16'], // Azure's metadata: a public address that leads to the host
  ['169.254.0.0', '169.254.255.255'], // link-local, with the metadata of most clouds
  ['172.16.0.0', '172.31.255.255'], // private
  ['192.0.0.0', '192.0.0.8'], // protocol assignments, except anycast of PCP and TURN
  ['192.0.0.11', '192.0.0.255'],
  ['192.0.2.0', '192.0.2.255'], // documentation
  ['192.168.0.0', '192.168.255.255'], // private
  ['198.18.0.0', '198.19.255.255'], // benchmarking
  ['198.51.100.0', '198.51.100.255'], // documentation
  ['203.0.113.0', '203.0.113.255'], // documentation
  ['224.0.0.0', '255.255.255.255'], // multicast, reserved, broadcast
];

/** @type {readonly [first: string, prefix: number][]} */
const V6 = [
  ['::', 96], // unspecified, loopback, IPv4-compatible
  ['100::', 63], // discard-only, dummy
  ['2001::', 23], // Teredo, benchmarking and other protocol assignments
  ['2001:db8::', 32], // documentation
  ['3fff::', 20], // documentation
  ['5f00::', 16], // segment routing
  ['fc00::', 7], // unique local
  ['fe80::', 9], // link-local, site-local
  ['ff00::', 8], // multicast
];

const internal = new BlockList();
for (const [first, last] of V4) {
  internal.addRange(first, last);
  // The same within mapped and translated addresses (SIIT, NAT64), and in those of 6to4.
  for (const before of ['::ffff:', '::ffff:0:', '64:ff9b::']) internal.addRange(before + first, before + last, 'ipv6');
  internal.addRange(`2002:${groups(first)}::`, `2002:${groups(last)}:ffff:ffff:ffff:ffff:ffff`, 'ipv6');
}
internal.addRange('64:ff9b::1:0:0', '64:ff9b:ffff:ffff:ffff:ffff:ffff:ffff', 'ipv6'); // local translation
for (const [first, prefix] of V6) internal.addSubnet(first, prefix, 'ipv6');

/** Returns an IPv4 address as two groups of an IPv6 address. @param {string} address */
function groups(address) {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

/** @param {string} address */
export const isInternal = (address) => internal.check(address.replace(/%.*/, ''), isIPv6(address) ? 'ipv6' : 'ipv4');

/** The code of the error if a name has no other addresses. */
export const INTERNAL = 'ERR_INTERNAL_ADDRESS';

/** Looks a name up like Node, without its internal addresses. @type {import('node:net').LookupFunction} */
export const lookupExternal = (name, options, callback) =>
  lookup(name, { ...options, all: true }, (error, addresses = []) => {
    const found = addresses.filter(({ address }) => !isInternal(address));
    const [first] = found;
    if (error) callback(error, []);
    else if (first === undefined) {
      const cause = `${name} resolves to internal addresses only; write it without a * in \`allow\` to allow that`;
      callback(Object.assign(new Error(cause), { code: INTERNAL }), []);
    } else if (options.all) callback(null, found);
    else callback(null, first.address, first.family);
  });
