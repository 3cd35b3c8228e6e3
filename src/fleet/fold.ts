import type { Assignment, NodeIdentity } from '../snapshot/board.ts';
import { contentKey, type Rejected, type Variant, type XdsEvent } from '../xds/events.ts';
import type { WithheldStatus } from './proxy.ts';

/** Who a client is, and what is kept from it, as far as its events tell. It is a proxy once it has said who it is. */
export interface ClientIdentity {
  readonly clientId: number;
  readonly peer: string;
  readonly variant: Variant;
  readonly node: NodeIdentity | undefined;
  readonly assignment: Assignment | undefined;
  readonly connectedAt: number;
  readonly withheld: WithheldStatus | undefined;
}

/** The events that tell of a client as a whole. */
type ClientEvent = Exclude<XdsEvent, { readonly typeUrl: string }>;

/** The client after an event; undefined before it opened and after it closed. `at`: milliseconds since the epoch. */
export function foldClient(
  client: ClientIdentity | undefined,
  event: ClientEvent,
  at: number,
): ClientIdentity | undefined {
  switch (event.kind) {
    case 'limited':
      return client;
    case 'opened': {
      const { clientId, peer, variant } = event;
      const unknown = { node: undefined, assignment: undefined, withheld: undefined };
      return { clientId, peer, variant, connectedAt: at, ...unknown };
    }
    case 'closed':
    // A stream that joins another's client is none of its own.
    case 'joined':
      return undefined;
    case 'identified':
      return client && { ...client, node: event.node };
    case 'assigned':
      return client && { ...client, assignment: event.assignment };
    case 'withheld':
      return client && { ...client, withheld: foldWithheld(client.withheld, event, at) };
  }
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
