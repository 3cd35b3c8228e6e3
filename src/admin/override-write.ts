import type { Context } from 'hono';
import type { Effect, OverrideOutcome } from '../control/control.ts';
import { waitAcked } from '../fleet/wait.ts';
import type { AckReply, OverrideWriteReply } from './api.ts';
import type { AdminDependencies } from './dependencies.ts';
import { readWait } from './input.ts';
import { ApiError } from './problem-json.ts';
import { overrideReply } from './replies.ts';

/**
 * Answers a write of operational state: at once, or with `?wait=acked` when every connected proxy that it concerns has
 * acknowledged. 200: done (and acknowledged, when asked); 202: done, but not acknowledged by all in time, or nobody is
 * connected; the body names who is missing.
 */
export async function answerOverride(
  context: Context,
  dependencies: AdminDependencies,
  write: () => Promise<OverrideOutcome>,
): Promise<Response> {
  const wait = readWait(context);
  const outcome = await write();
  if (outcome.kind === 'notFound') throw new ApiError(404, 'Not found', outcome.what, { hint: outcome.hint });
  if (outcome.kind === 'invalid') throw new ApiError(422, 'Invalid body', outcome.problems.join('; '));
  if (outcome.kind === 'refused') {
    throw new ApiError(409, 'Refused', outcome.why, { hint: 'add ?force=true to do it all the same' });
  }
  const acknowledged =
    wait === undefined ? undefined : await acknowledgement(dependencies, outcome.effect, wait, context);
  const reply: OverrideWriteReply = {
    changed: outcome.effect.changed,
    fleets: [...outcome.effect.concerned.keys()],
    ...(outcome.status === undefined ? {} : { override: overrideReply(outcome.status) }),
    ...(acknowledged === undefined ? {} : { acknowledged }),
  };
  return context.json(reply, acknowledged === undefined || acknowledged.complete ? 200 : 202);
}

async function acknowledgement(
  { fleet, board }: AdminDependencies,
  effect: Effect,
  timeout: number,
  context: Context,
): Promise<AckReply> {
  const signal = AbortSignal.any([AbortSignal.timeout(timeout), context.req.raw.signal]);
  const { concerned, acked, missing, departed } = await waitAcked({ fleet, board, targets: effect.concerned, signal });
  const count = `${acked} of ${concerned} connected proxies have acknowledged`;
  return {
    complete: concerned > 0 && acked === concerned,
    concerned,
    acked,
    missing: missing.map(({ id, fleet: key, why }) => ({ id, fleet: key, why })),
    departed,
    summary: concerned === 0 ? `${count}: ${whyNobody(effect)}` : count,
  };
}

function whyNobody({ concerned }: Effect): string {
  if (concerned.size === 0) return 'no fleet holds it';
  return `no proxy of ${[...concerned.keys()].join(', ')} is connected`;
}
