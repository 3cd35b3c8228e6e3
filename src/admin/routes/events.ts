import type { Context } from 'hono';
import { type Caller, mayFleet } from '../../access/caller.ts';
import { longestTimer } from '../../base/units.ts';
import type { EventFilter, EventType } from '../../events/event.ts';
import type { QueryOf } from '../api/operation.ts';
import { listEvents } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { eventReply, eventStream } from '../event-stream.ts';
import { ApiError } from '../problem-json.ts';
import { type Api, answer, serve } from '../serve.ts';

/** More readers at once are refused. */
const mostReaders = 200;

/**
 * What happened of late: a list, or, for who accepts `text/event-stream` or says `?follow=true`, a stream of server-sent
 * events that goes on.
 */
export function eventRoutes(api: Api, dependencies: AdminDependencies): void {
  const { events, readers } = dependencies;
  serve(api, listEvents, ({ context, query }) => {
    const filter = filterOf(context.get('caller'), query);
    const accepts = /text\/event-stream/i.test(context.req.header('accept') ?? '');
    if (!(query.follow ?? accepts)) {
      const found = events.before(query.cursor, filter, query.limit + 1);
      const shown = found.slice(-query.limit);
      const next = found.length > query.limit ? { next: String(shown[0]?.id) } : {};
      return answer(200, { events: shown.map(eventReply), ...next });
    }
    // Nobody reads what would follow.
    if (context.req.method === 'HEAD') return context.body(null, 200, streamHeaders);
    if (readers.size >= mostReaders) {
      throw new ApiError(503, 'Too many readers', `${mostReaders} follow events already.`, { hint: 'try again later' });
    }
    return follower(context, dependencies, filter, lastEventId(context) ?? query.since);
  });
}

function follower(
  context: Context,
  { events, readers, tokens, stopped }: AdminDependencies,
  filter: EventFilter,
  since: number | undefined,
): Response {
  const caller = context.get('caller');
  const left = (caller.expiresAt ?? Number.POSITIVE_INFINITY) - Date.now();
  const expired = new AbortController();
  // A signal of its own time would be kept until then, though the reader has long gone.
  const expiry = left <= longestTimer ? setTimeout(() => expired.abort(), left).unref() : undefined;
  const signal = AbortSignal.any([context.req.raw.signal, stopped, tokens.revoked(caller), expired.signal]);
  const reader = {};
  readers.add(reader);
  const outgoing = (context.env as { readonly outgoing?: { destroy(): void } } | undefined)?.outgoing;
  const body = eventStream({
    events,
    filter,
    since: since ?? events.last,
    signal,
    sever: () => {
      readers.severed += 1;
      outgoing?.destroy();
    },
    missed: () => {
      readers.gaps += 1;
    },
    ended: () => {
      clearTimeout(expiry);
      readers.delete(reader);
    },
  });
  return context.body(body, 200, streamHeaders);
}

const streamHeaders = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};

/** Who may not list tokens does not hear of them either. */
const ofAdmins: ReadonlySet<EventType> = new Set<EventType>(['token']);

function filterOf({ fleets, role }: Caller, { fleet, proxy, type }: QueryOf<typeof listEvents>): EventFilter {
  return {
    ...(type ? { types: new Set<EventType>(type) } : {}),
    ...(fleet === undefined ? {} : { fleet }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(role === 'admin' ? {} : { hidden: ofAdmins }),
    ...(fleets ? { visible: (key: string) => mayFleet({ fleets }, key) } : {}),
  };
}

/** The id of the last event that a reader has had, as browsers send it when they connect anew. */
function lastEventId(context: Context): number | undefined {
  const text = context.req.header('last-event-id');
  if (text === undefined || text === '') return undefined;
  const id = Number(text);
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(id)) return id;
  throw new ApiError(400, 'Invalid header', `"${text.slice(0, 100)}" is not the id of an event.`, {
    hint: 'send one that an event came with, or leave it out to hear of what happens from now on',
  });
}
