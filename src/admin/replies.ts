import { type TypeName, typeName } from '../base/type-name.ts';
import type { OverrideStatus } from '../control/control.ts';
import type { ComputedWeights } from '../policy/computed-weights.ts';
import { destinationKey } from '../policy/destination.ts';
import type { Snapshot, TypeSnapshot } from '../snapshot/snapshot.ts';
import type { Revision } from '../store/store.ts';
import type { ComputedReply, OverrideReply, RevisionReply } from './api.ts';

/** Something of each type of a snapshot, by the type's short name. */
export function perType<T>(snapshot: Snapshot, pick: (type: TypeSnapshot) => T): Partial<Record<TypeName, T>> {
  const result: Partial<Record<TypeName, T>> = {};
  for (const [typeUrl, type] of snapshot.types) {
    const name = typeName(typeUrl);
    if (name) result[name] = pick(type);
  }
  return result;
}

/** Milliseconds since the epoch → ISO 8601. */
export const instant = (at: number) => new Date(at).toISOString();

export function revisionReply(revision: Revision): RevisionReply {
  const { number, at, author, source, reason } = revision;
  return { number, at: instant(at), author, source, reason };
}

export function overrideReply({ override, effect, why }: OverrideStatus): OverrideReply {
  const shared = {
    effect,
    ...(why === undefined ? {} : { why }),
    by: override.by,
    since: instant(override.since),
    ...(override.reason === undefined ? {} : { reason: override.reason }),
  };
  if (override.kind === 'shift') {
    const target = `routes/${override.route}/rules/${override.rule}`;
    return { kind: 'shift', target, ...shared, weights: override.weights };
  }
  if (override.kind === 'maintenance') {
    const { kind, of, name, expiresAt } = override;
    const until = expiresAt === undefined ? {} : { expiresAt: instant(expiresAt) };
    return { kind, target: `${of}s/${name}`, ...shared, state: 'maintenance', ...until };
  }
  return {
    kind: 'endpoint',
    target: `services/${override.service}/endpoints/${override.address}`,
    ...shared,
    ...(override.weight === undefined ? {} : { weight: override.weight }),
    ...(override.state === undefined ? {} : { state: override.state }),
    ...(override.sessionsUntil === undefined ? {} : { sessionsUntil: instant(override.sessionsUntil) }),
    ...(override.expiresAt === undefined ? {} : { expiresAt: instant(override.expiresAt) }),
  };
}

export function computedReply({ service, source, since, renewed, expiresAt }: ComputedWeights): ComputedReply {
  return {
    target: `services/${service}`,
    source,
    since: instant(since),
    renewed: instant(renewed),
    expiresAt: instant(expiresAt),
  };
}

/** Destination → declared weight. */
export function declaredWeights(
  to: readonly { readonly service: string; readonly version?: string | undefined; readonly weight: number }[],
): Record<string, number> {
  return Object.fromEntries(to.map(each => [destinationKey(each), each.weight]));
}
