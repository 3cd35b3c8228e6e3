import { isIP } from 'node:net';
import { type Address, formatAddress, parseAddress } from '../base/address.ts';
import { memo1 } from '../base/memo.ts';
import type { Endpoint } from '../policy/endpoint.ts';
import type { Service } from '../policy/service.ts';

/** One spelling per IP address: `::1` for `0:0:0:0:0:0:0:1`. */
export function canonicalIp(ip: string): string {
  if (isIP(ip) !== 6 || ip.includes('%')) return ip.toLowerCase();
  return new URL(`http://[${ip}]`).hostname.slice(1, -1);
}

/** One spelling per address, to compare and to sort by. */
export function addressKey(address: Address): string {
  return formatAddress(address.kind === 'ip' ? { ...address, ip: canonicalIp(address.ip) } : address);
}

/** {@link addressKey} of a text; a text that is no address stays as it is. */
export function canonicalAddress(text: string): string {
  const address = parseAddress(text);
  return address ? addressKey(address) : text;
}

/** A declared endpoint with its address read. */
export interface DeclaredEndpoint {
  readonly endpoint: Endpoint;
  /** Place in the service's list. */
  readonly index: number;
  readonly address: Address;
  readonly key: string;
}

/** The declared endpoints of a service, in order. */
export const declaredEndpoints = memo1((service: Service): readonly DeclaredEndpoint[] =>
  service.endpoints.flatMap((endpoint, index) => {
    const address = parseAddress(endpoint.address);
    return address ? [{ endpoint, index, address, key: addressKey(address) }] : [];
  }),
);

/** The same by canonical address. */
export const endpointsByAddress = memo1(
  (service: Service): ReadonlyMap<string, DeclaredEndpoint> =>
    new Map(declaredEndpoints(service).map(each => [each.key, each])),
);
