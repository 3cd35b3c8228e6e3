import type { Assignment, NodeIdentity } from '../snapshot/board.ts';
import { contentKey, type Rejected, type Variant, type XdsEvent } from '../xds/events.ts';
import type { ProxyStatus, TypeStatus, WithheldStatus } from './proxy.ts';

/** A client as far as its events tell. It is a proxy once it has said who it is. */
export interface ClientStatus {
  readonly clientId: number;
  readonly peer: string;
  readonly variant: Variant;
  readonly node: NodeIdentity | undefined;
  readonly assignment: Assignment | undefined;
  readonly connectedAt: number;
  readonly types: ReadonlyMap<string, TypeStatus>;
  readonly withheld: WithheldStatus | undefined;
}

const noTypes: ClientStatus['types'] = new Map();

/** The client after an event; undefined before it opened and after it closed. `at`: milliseconds since the epoch. */
export function foldClient(client: ClientStatus | undefined, event: XdsEvent, at: number): ClientStatus | undefined {
  if (event.kind === 'limited') return client;
  if (event.kind === 'opened') {
    const { clientId, peer, variant } = event;
    return {
      clientId,
      peer,
      variant,
      node: undefined,
      assignment: undefined,
      connectedAt: at,
      types: noTypes,
      withheld: undefined,
    };
  }
  // A stream that joins another's client is none of its own.
  if (!client || event.kind === 'closed' || event.kind === 'joined') return undefined;
  if (event.kind === 'identified') return { ...client, node: event.node };
  if (event.kind === 'assigned') return { ...client, assignment: event.assignment };
  if (event.kind === 'withheld') return { ...client, withheld: foldWithheld(client.withheld, event, at) };
  const types = foldTypes(client.types, event, at);
  return types === client.types ? client : { ...client, types };
}

/** The client as a proxy, if it has said who it is. */
export function asProxy(client: ClientStatus): ProxyStatus | undefined {
  return isProxy(client) ? client : undefined;
}

function isProxy(client: ClientStatus): client is ProxyStatus {
  return client.node !== undefined;
}

/** What was withheld before keeps its time. */
function foldWithheld(
  before: WithheldStatus | undefined,
  { rejects, suspects }: Extract<XdsEvent, { readonly kind: 'withheld' }>,
  at: number,
): WithheldStatus | undefined {
  if (rejects.length === 0 && suspects.length === 0) return undefined;
  const known = new Map(
    [...(before?.rejects ?? []), ...(before?.suspects ?? [])].map(each => [contentKey(each), each.at]),
  );
  const since = (each: Rejected) => ({ ...each, message: shownWords(each), at: known.get(contentKey(each)) ?? at });
  return { rejects: rejects.map(since), suspects: suspects.map(since) };
}

/** Envoy quotes what it rejects, and secrets are never shown (P29). */
export function shownWords({ typeUrl, message }: { readonly typeUrl: string; readonly message: string }): string {
  return typeUrl.endsWith('.Secret') ? 'its words are not shown, since they may quote the secret' : message;
}

type TypeEvent = Extract<XdsEvent, { readonly typeUrl: string }>;

/**
 * Proxies of a fleet are mostly told the same one after the other, and say the same: then they share one map, which costs
 * less than a copy for each, and takes less room.
 */
function foldTypes(types: ReadonlyMap<string, TypeStatus>, event: TypeEvent, at: number): ClientStatus['types'] {
  if (last && types === last.types && isSame(event, last.event) && (at === last.at || event.kind !== 'acked'))
    return last.after;
  const known = types.get(event.typeUrl) ?? unknownType(event.typeUrl);
  const next = foldType(known, event, at);
  const after = next === known && types.has(event.typeUrl) ? types : new Map(types).set(event.typeUrl, next);
  last = { types, event, at, after };
  return after;
}

/** The newest fold; it would be the same again. */
let last:
  | {
      readonly types: ClientStatus['types'];
      readonly event: TypeEvent;
      readonly at: number;
      readonly after: ClientStatus['types'];
    }
  | undefined;

/** True if both tell the same of a type. Rejections are rare, and not compared. */
function isSame(one: TypeEvent, other: TypeEvent): boolean {
  if (one.kind === 'subscribed') return other.kind === 'subscribed' && one.typeUrl === other.typeUrl;
  if (one.kind === 'sent') return other.kind === 'sent' && hasSameVersion(one, other);
  return one.kind === 'acked' && other.kind === 'acked' && one.part === other.part && hasSameVersion(one, other);
}

function hasSameVersion(one: TypeEvent & Versioned, other: TypeEvent & Versioned): boolean {
  return one.version === other.version && one.typeUrl === other.typeUrl;
}

type Versioned = { readonly version: string };

function unknownType(typeUrl: string): TypeStatus {
  return { typeUrl, state: 'notAsked', sent: undefined, acked: undefined, rejection: undefined };
}

function foldType(type: TypeStatus, event: TypeEvent, at: number): TypeStatus {
  switch (event.kind) {
    case 'subscribed':
      return type.state === 'notAsked' ? { ...type, state: 'pending' } : type;
    case 'sent': {
      // The rest of a set that was rejected does not make the rejection undone.
      const rejected = type.state === 'rejected' && type.rejection?.version === event.version;
      return { ...type, sent: event.version, state: rejected ? 'rejected' : 'pending' };
    }
    case 'acked': {
      if (event.part) return type;
      const state = type.sent === event.version ? 'synced' : type.state;
      const rejection = state === 'synced' ? undefined : type.rejection;
      return { ...type, acked: event.version, ackedAt: at, state, rejection };
    }
    case 'nacked':
      return { ...type, state: 'rejected', rejection: { version: event.version, message: shownWords(event), at } };
    case 'current':
      return { ...type, sent: event.version, acked: event.version, ackedAt: at, state: 'synced', rejection: undefined };
  }
}
