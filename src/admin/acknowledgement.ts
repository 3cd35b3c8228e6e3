import type { Context } from 'hono';
import type { Effect } from '../control/control.ts';
import type { Plan } from '../control/plan.ts';
import { type MissingProxy, waitAcked } from '../fleet/wait.ts';
import type { AckReply, MissingReply, QuarantineReply, WriteReply } from './api.ts';
import type { AdminDependencies } from './dependencies.ts';
import { effectReply } from './effects.ts';
import { atPlace, type Places, placesIn } from './places.ts';
import { quarantineReply, rejectReply } from './rejection-replies.ts';
import { instant } from './replies.ts';
import { seenBy } from './visible.ts';

/** A request of a write: whether it is to wait until proxies have what it says. */
export interface AskedWrite {
  readonly context: Context;
  readonly query: { readonly wait?: 'acked'; readonly timeout?: number; readonly dryRun?: boolean };
}

/** How a write is answered. */
export type Written<Body> =
  | { readonly status: 200; readonly body: Body }
  | { readonly status: 202; readonly body: Body };

/** Milliseconds. */
const usualWait = 5000;

/**
 * Answers a write that was done: at once, or, where it is to wait, when every connected proxy that it concerns has
 * acknowledged. 200: done (and acknowledged, when asked); 202: done, but not acknowledged by all in time, or nobody is
 * connected, or something of it was quarantined, or it waits for the end of a freeze; the body says who and what.
 *
 * @param plan of a dry run, which there is nothing to wait for
 * @param more what the reply has beside that
 */
export async function answerWrite<More extends object>(
  { context, query }: AskedWrite,
  dependencies: AdminDependencies,
  { effect, plan, more }: { readonly effect: Effect; readonly plan?: Plan | undefined; readonly more: More },
): Promise<Written<WriteReply & More>> {
  const { wait, timeout = usualWait } = query;
  const gone = context.req.raw.signal;
  const waits = wait !== undefined && plan === undefined;
  const acknowledged = waits ? await acknowledgement(dependencies, effect, timeout, gone) : undefined;
  const body = {
    changed: effect.changed,
    fleets: [...effect.concerned.keys()],
    ...more,
    ...(effect.waitsForThaw ? { waitsForThaw: true as const } : {}),
    ...(plan ? { effect: effectReply(plan, dependencies.fleet, seenBy(context)) } : {}),
    ...(acknowledged === undefined ? {} : { acknowledged }),
  };
  return acknowledged === undefined || acknowledged.complete ? { status: 200, body } : { status: 202, body };
}

async function acknowledgement(
  { control, fleet, board }: AdminDependencies,
  effect: Effect,
  timeout: number,
  gone: AbortSignal,
): Promise<AckReply> {
  if (effect.waitsForThaw) return waitingForThaw(control);
  const signal = AbortSignal.any([AbortSignal.timeout(timeout), gone]);
  const { concerned, acked, missing, departed } = await waitAcked({ fleet, board, targets: effect.concerned, signal });
  const places = placesIn(control);
  const quarantined = quarantinedOf(control, effect, places);
  const count = `${acked} of ${concerned} connected proxies have acknowledged`;
  const names = quarantined.map(({ type, name }) => `${type} ${name}`).join(', ');
  const without = quarantined.length === 0 ? '' : `; proxies rejected this, and it is in quarantine: ${names}`;
  return {
    complete: concerned > 0 && acked === concerned && quarantined.length === 0,
    concerned,
    acked,
    missing: missing.map(each => missingReply(each, places)),
    departed,
    quarantined,
    summary: concerned === 0 ? `${count}: ${whyNobody(effect)}` : `${count}${without}`,
  };
}

/** Nobody is sent it, so that there is nothing to wait for now. */
function waitingForThaw({ freezing: { status } }: AdminDependencies['control']): AckReply {
  const by = status.frozen ? `, by ${status.frozen.by} since ${instant(status.frozen.since)}` : '';
  const how = '"switchyard thaw" ends it, and ?duringFreeze=true (--during-freeze) lets this alone through';
  const summary = `it waits for the end of the freeze${by}: ${how}`;
  return { complete: false, concerned: 0, acked: 0, missing: [], departed: [], quarantined: [], summary };
}

function missingReply({ id, fleet, why, rejected }: MissingProxy, places: Places): MissingReply {
  if (!rejected) return { id, fleet, why };
  const reply = rejectReply(rejected, fleet, places);
  const { type, name, message } = reply;
  return { id, fleet, why: `it rejected ${type} ${name}${atPlace(reply)}: ${message}`, rejected: reply };
}

/** What was in force after the write, and is not sent any more: snapshots in force hold nothing that is quarantined. */
function quarantinedOf(
  { accepted }: AdminDependencies['control'],
  { concerned }: Effect,
  places: Places,
): readonly QuarantineReply[] {
  if (!accepted) return [];
  const meanwhile = accepted.quarantines.filter(
    ({ fleet, typeUrl, name, version }) =>
      concerned.get(fleet)?.types.get(typeUrl)?.resources.get(name)?.version === version,
  );
  return meanwhile.map(each => quarantineReply(each, accepted, places));
}

function whyNobody({ concerned }: Effect): string {
  if (concerned.size === 0) return 'no fleet holds it';
  return `no proxy of ${[...concerned.keys()].join(', ')} is connected`;
}
