/** Keeps sources off private networks: an address in tenants.yaml must not turn a worker into a way into its own network. */
import { lookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { IngestError } from '../errors/ingest-error.ts';

/** Not globally reachable: https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 sister. */
const privateV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
const privateV6 = ['::/96', 'fc00::/7', 'fe80::/10', 'ff00::/8', '2002::/16'];

const privateAddresses = new BlockList();
for (const range of privateV4) {
  const [address = '', bits = ''] = range.split('/');
  // A BlockList checks ::ffff:a.b.c.d against its IPv4 ranges, but not the same address behind NAT64 (RFC 6052).
  privateAddresses.addSubnet(address, Number(bits), 'ipv4');
  privateAddresses.addSubnet(`64:ff9b::${address}`, 96 + Number(bits), 'ipv6');
}
for (const range of privateV6) {
  const [address = '', bits = ''] = range.split('/');
  privateAddresses.addSubnet(address, Number(bits), 'ipv6');
}

function isPrivate(address: string): boolean {
  return privateAddresses.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/**
 * Checks what can be seen in the URL itself; names are checked by `publicLookup` when they are connected to.
 * Throws `config.endpoint_refused` for plain http and private addresses unless they are allowed, `config.invalid` for a URL with
 * a user name or password in it.
 */
export function checkEndpoint(url: string, { allowPrivateEndpoints }: { allowPrivateEndpoints: boolean }): URL {
  const endpoint = new URL(url);
  if (endpoint.username !== '' || endpoint.password !== '') {
    throw new IngestError('config.invalid', `the address of ${endpoint.host} holds a user name or password`);
  }
  if (allowPrivateEndpoints) return endpoint;
  if (endpoint.protocol !== 'https:') {
    throw new IngestError('config.endpoint_refused', `${endpoint.protocol}//${endpoint.host} is not https`);
  }
  const host = endpoint.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && isPrivate(host)) {
    throw new IngestError('config.endpoint_refused', `${host} is a private address`);
  }
  return endpoint;
}

/**
 * `dns.lookup` that refuses a name with any private address, as an option of sockets and agents. The check is made on the
 * very addresses that are connected to, so a name that changes its answer after a first check (DNS rebinding) gains nothing.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const first = addresses?.[0];
    if (error !== null || first === undefined) {
      callback(error ?? new Error(`no address for ${hostname}`), '');
    } else if (addresses.some(({ address }) => isPrivate(address))) {
      callback(new IngestError('config.endpoint_refused', `${hostname} resolves to a private address`), '');
    } else if (options.all === true) {
      callback(null, addresses);
    } else {
      callback(null, first.address, first.family);
    }
  });
};
