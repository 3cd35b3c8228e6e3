import { type Address, addressKey, parseAddress } from '../base/address.ts';
import { memo1 } from '../base/memo.ts';
import type { Endpoint } from '../policy/endpoint.ts';
import type { Service } from '../policy/service.ts';

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
