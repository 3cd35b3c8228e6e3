import { typeLabel } from '../base/type-name.ts';
import type { Accepted } from '../control/control.ts';
import { hasLastGood } from '../control/quarantines.ts';
import type { ProxyStatus, TypeStatus, WithheldResource } from '../fleet/proxy.ts';
import type { Quarantine } from '../policy/operational-state.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { heldOf } from '../snapshot/withhold.ts';
import type { ProxyReply, QuarantineReply, RejectReply, ResourceReply } from './api.ts';
import { atPlace, type Places } from './places.ts';
import { instant } from './replies.ts';

/** More is counted, and not listed. */
const MOST_LISTED = 20;

/** What is withheld from a proxy, or nothing. */
export function withheldReplies(
  { withheld }: Pick<ProxyStatus, 'withheld'>,
  fleet: string | undefined,
  places: Places,
): Pick<ProxyReply, 'rejects' | 'rejectCount' | 'suspects' | 'suspectCount'> {
  if (!withheld) return {};
  const { rejects, suspects } = withheld;
  return {
    rejects: rejects.slice(0, MOST_LISTED).map(each => rejectReply(each, fleet, places)),
    rejectCount: rejects.length,
    suspects: suspects.slice(0, MOST_LISTED).map(resourceReply),
    suspectCount: suspects.length,
  };
}

function resourceReply({ typeUrl, name }: { readonly typeUrl: string; readonly name: string }): ResourceReply {
  return { type: typeLabel(typeUrl), name };
}

export function rejectReply(content: WithheldResource, fleet: string | undefined, places: Places): RejectReply {
  const { version, message, at } = content;
  return { ...resourceReply(content), version, message, at: instant(at), ...places(fleet, content) };
}

/** How many contents of a type are withheld from a proxy. */
export function withheldOf({ withheld }: Pick<ProxyStatus, 'withheld'>, typeUrl: string): number {
  if (!withheld) return 0;
  const ofType = (each: WithheldResource) => each.typeUrl === typeUrl;
  return withheld.rejects.filter(ofType).length + withheld.suspects.filter(ofType).length;
}

/** Whether there is a rejection to be told of ({@link whyRejected}). */
export function hasRejected(proxy: ProxyStatus): boolean {
  const { rejects = [], suspects = [] } = proxy.withheld ?? {};
  return rejects.length + suspects.length > 0 || [...proxy.types.values()].some(isWhole(proxy));
}

/**
 * In one sentence what a proxy rejected, in Envoy's words, and whether it has everything else (R42); undefined if it has
 * rejected nothing.
 */
export function whyRejected(
  proxy: ProxyStatus,
  { fleet, snapshot, places }: { readonly fleet?: string; readonly snapshot?: Snapshot; readonly places: Places },
): string | undefined {
  const { rejects = [], suspects = [] } = proxy.withheld ?? {};
  const [[first], [suspect]] = [rejects, suspects];
  if (first) {
    const { type, name } = resourceReply(first);
    const others = rejects.length > 1 ? ` and ${rejects.length - 1} more` : '';
    return `it rejected ${type} ${name}${atPlace(places(fleet, first))}${others}, ${restOf(proxy, snapshot)}: ${first.message}`;
  }
  if (suspect) {
    const { type, name } = resourceReply(suspect);
    const some = `something, perhaps ${type} ${name}`;
    return `it rejected ${some}; what, is being found out, ${unknown}: ${suspect.message}`;
  }
  const rejected = [...proxy.types.values()].find(isWhole(proxy));
  return rejected && `it rejected ${typeLabel(rejected.typeUrl)}, ${unknown}: ${rejected.rejection?.message ?? ''}`;
}

const unknown = 'and partial application is unknown';

/** A type whose newest response was rejected without anybody knowing what for. */
const isWhole =
  (proxy: ProxyStatus) =>
  ({ typeUrl, state }: TypeStatus): boolean =>
    state === 'rejected' && withheldOf(proxy, typeUrl) === 0;

function restOf(proxy: ProxyStatus, snapshot: Snapshot | undefined): string {
  const { rejects = [], suspects = [] } = proxy.withheld ?? {};
  const types = [...proxy.types.values()];
  if (suspects.length > 0) return `what else it rejects is being found out, ${unknown}`;
  if (rejects.some(each => each.instead === 'unknown') || types.some(isWhole(proxy))) return unknown;
  const settled = types.every(({ typeUrl, state, sent, acked }) => {
    const set = snapshot?.types.get(typeUrl);
    return state !== 'pending' && (set && state !== 'notAsked' ? heldOf(set, acked) !== undefined : sent === acked);
  });
  return settled ? 'and has everything else' : 'and everything else is on its way';
}

/** `accepted`: what is in force, of which the quarantine is. */
export function quarantineReply(quarantine: Quarantine, { revision }: Accepted, places: Places): QuarantineReply {
  const { fleet, version, since, message, proxies } = quarantine;
  return {
    fleet,
    ...resourceReply(quarantine),
    version,
    since: instant(since),
    message,
    proxies,
    ...places(fleet, quarantine),
    instead: hasLastGood(quarantine) ? 'last good' : 'left out',
    author: revision.author,
    revision: revision.number,
  };
}
