import { type Address, parseAddress } from '../base/address.ts';
import { type Cidr, parseCidr } from '../base/cidr.ts';
import { memo1 } from '../base/memo.ts';
import type { FleetAdmin } from '../policy/fleet-admin.ts';

/** Where a proxy is asked, and what its address must lie in; or why it cannot be. */
export type AdminPlace =
  | {
      readonly kind: 'place';
      readonly address: Exclude<Address, { readonly kind: 'unix' }>;
      readonly within: readonly Cidr[];
    }
  | { readonly kind: 'none'; readonly why: string };

/** What is known of a proxy; all but `peer` it says itself. */
export interface AdminFacts {
  readonly id: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** `10.0.0.5:41234`. */
  readonly peer: string;
}

/** The admin address of a proxy as its fleet declares it. */
export function adminPlace(admin: FleetAdmin | undefined, facts: AdminFacts): AdminPlace {
  if (!admin) return { kind: 'none', why: 'its fleet declares no admin address' };
  const missing: string[] = [];
  const text = admin.address.replaceAll(/\{([^{}]*)\}/g, (_, name: string) => {
    const value = factOf(name, facts);
    if (value === undefined) missing.push(name);
    return value ?? '';
  });
  if (missing.length > 0) return { kind: 'none', why: `it has no ${missing.join(', ')}` };
  const address = parseAddress(text);
  if (!address || address.kind === 'unix') return { kind: 'none', why: `"${text.slice(0, 300)}" is no address` };
  return { kind: 'place', address, within: rangesOf(admin) };
}

const rangesOf = memo1((admin: FleetAdmin): readonly Cidr[] => admin.within.flatMap(text => parseCidr(text) ?? []));

function factOf(name: string, { id, metadata, peer }: AdminFacts): string | undefined {
  if (name === 'id') return id;
  if (name === 'peer') {
    const address = parseAddress(peer);
    if (address?.kind !== 'ip') return undefined;
    return address.ip.includes(':') ? `[${address.ip}]` : address.ip;
  }
  const key = name.slice('metadata.'.length);
  return Object.hasOwn(metadata, key) ? metadata[key] : undefined;
}
