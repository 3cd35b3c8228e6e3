import { memo1 } from '../base/memo.ts';
import { servicesWithNames } from '../ir/clusters.ts';
import type { Policy } from '../policy/kinds.ts';

/** Where the controller has the addresses of host names from. */
export interface Names {
  /** Host → last good addresses, sorted; replaced as a whole when one changes. */
  readonly answers: ReadonlyMap<string, readonly string[]>;
  /** From now on exactly these are kept up to date. */
  want(hosts: ReadonlySet<string>): void;
  /** Asks for these; settles when each has been asked once, or after a while. Never rejects. */
  ask(hosts: Iterable<string>): Promise<void>;
  /** Answers that take more from a service than is believed by itself, by host. */
  readonly held: ReadonlyMap<string, { readonly addresses: readonly string[] }>;
  /** Believes such an answer. @returns whether there is one. */
  accept(host: string): boolean;
}

/** Host names among the endpoints of a policy, in lower case. */
export const hostsOf = (policy: Policy): ReadonlySet<string> => hostsIn(servicesWithNames(policy));

const hostsIn = memo1(
  (named: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> => new Set([...named.values()].flat()),
);
