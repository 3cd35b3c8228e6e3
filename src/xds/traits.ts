import { memo1 } from '../base/memo.ts';
import type { NodeIdentity } from '../snapshot/board.ts';
import type { Variant } from './events.ts';
import { knowsTtl } from './heartbeat.ts';
import { isEnvoy } from './node-identity.ts';
import { knowsErrors } from './resource-errors.ts';

/**
 * What of a node decides how a client is served, beside what its fleet holds. One object for all nodes that have it in
 * common.
 */
export interface Traits {
  readonly isEnvoy: boolean;
  /** It is told why it does not get what it asks for by name (R35). */
  readonly knowsErrors: boolean;
  /** It takes resources with a time to live (R33, R34). */
  readonly knowsTtl: Readonly<Record<Variant, boolean>>;
}

export const traitsOf: (node: NodeIdentity) => Traits = memo1(node =>
  interned({
    isEnvoy: isEnvoy(node),
    knowsErrors: knowsErrors(node),
    knowsTtl: { sotw: knowsTtl('sotw', node), delta: knowsTtl('delta', node) },
  }),
);

/** There are no more than sixteen. */
const known = new Map<string, Traits>();

function interned(traits: Traits): Traits {
  const key = JSON.stringify(traits);
  const found = known.get(key);
  if (found) return found;
  known.set(key, traits);
  return traits;
}
