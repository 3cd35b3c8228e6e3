import type { Address as EnvoyAddress } from '../../proto/gen/envoy.config.core.v3.ts';
import type { Address } from '../base/address.ts';

/** An address that needs no look-up. Envoy takes no names in load assignments, so none gets here. */
export function envoyAddress(address: Exclude<Address, { readonly kind: 'host' }>): EnvoyAddress {
  return address.kind === 'unix'
    ? { pipe: { path: address.path } }
    : { socket_address: { address: address.ip, port_value: address.port } };
}
