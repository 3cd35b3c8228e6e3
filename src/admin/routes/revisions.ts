import { publicationAt } from '../../control/revisions.ts';
import { overrideLine } from '../../control/what.ts';
import { fleetOf } from '../../fleet/proxy.ts';
import type { ListedRevision, PublicationRecord, Revision } from '../../store/store.ts';
import {
  acceptName,
  acceptRefused,
  diffRevisions,
  type HeldReply,
  listRevisions,
  pinRevision,
  proxyHistory,
  type RevisionEntry,
  readHistory,
  readRevision,
  rollBack,
  unpinRevision,
} from '../api.ts';
import { answerChange } from '../change-answer.ts';
import { announcer, deed } from '../deed.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { effectReply } from '../effects.ts';
import { readAuthorship } from '../input.ts';
import { ApiError } from '../problem-json.ts';
import { instant } from '../replies.ts';
import { revisionDiff } from '../revision-diff.ts';
import { type Api, answer, serve } from '../serve.ts';
import { seenBy } from '../visible.ts';

const mostPins = 100;

/** What was accepted, what was sent when, and the way back. */
export function revisionRoutes(api: Api, dependencies: AdminDependencies): void {
  readRoutes(api, dependencies);
  historyRoutes(api, dependencies);
  const { control, events } = dependencies;
  const { revisions } = control;
  const announce = announcer(events);
  serve(api, rollBack, async asked => {
    const { params, query } = asked;
    const { allowShrink = false, duringFreeze = false, overrides = false, dryRun = false } = query;
    const options = { overrides, allowShrink, duringFreeze, dryRun };
    const author = readAuthorship(asked);
    const to = numberOf(params.number);
    const outcome = await revisions.rollback({ to, ...options, ...author });
    announce('rollback', author, `goes back to revision ${to}`, outcome);
    return answerChange(asked, dependencies, outcome);
  });
  serve(api, acceptRefused, async asked => {
    const digest = asked.query.digest ?? control.rejected?.acceptable ?? '';
    const { duringFreeze = false, dryRun = false } = asked.query;
    const author = readAuthorship(asked);
    const outcome = await revisions.accept(digest, author, { duringFreeze, dryRun });
    announce('accept', author, `takes the save ${digest} that was refused`, outcome);
    return answerChange(asked, dependencies, outcome);
  });
  serve(api, acceptName, ({ context, params: { host }, query: { dryRun } }) => {
    if (!dryRun && control.acceptName(host)) {
      const author = readAuthorship({ context, query: {} });
      events.add(deed('accept', author, `believes that the addresses of ${host} have gone`));
      return answer(200, { accepted: host });
    }
    const plan = dryRun ? control.nameAccepted(host) : undefined;
    if (plan) return answer(200, { accepted: host, effect: effectReply(plan, dependencies.fleet, seenBy(context)) });
    throw new ApiError(404, 'Not found', `No answer of the name "${host}" is held.`);
  });
  serve(api, pinRevision, asked => {
    const number = numberOf(asked.params.number);
    const others = revisions.list({
      limit: mostPins,
      matches: each => each.pin !== undefined && each.number !== number,
    });
    if (others.length >= mostPins)
      throw new ApiError(409, 'Refused', `${mostPins} revisions are pinned.`, { hint: 'unpin one of them first' });
    if (!revisions.pin(number, readAuthorship(asked))) throw noRevision(number);
    return answer(200, { number, pinned: true });
  });
  serve(api, unpinRevision, asked => {
    const number = numberOf(asked.params.number);
    if (!revisions.pin(number, undefined)) throw noRevision(number);
    return answer(200, { number, pinned: false });
  });
}

function readRoutes(api: Api, { control: { revisions } }: AdminDependencies): void {
  serve(api, listRevisions, ({ query: { limit, cursor, kind, author } }) => {
    const matches = (each: ListedRevision) =>
      (kind === undefined || each.kind === kind) && (author === undefined || each.author === author);
    const found = revisions.list({ ...(cursor === undefined ? {} : { before: cursor }), limit: limit + 1, matches });
    const last = found.length > limit ? found[limit - 1] : undefined;
    const more = last ? { next: String(last.number) } : {};
    return answer(200, { revisions: found.slice(0, limit).map(entryOf), ...more });
  });
  serve(api, readRevision, ({ params }) => {
    const revision = known(revisions.get(numberOf(params.number)), params.number);
    const [listed] = revisions.list({ limit: 1, matches: each => each.number === revision.number });
    const overrides = revision.overrides.map(overrideLine);
    return answer(200, { ...entryOf(listed ?? revision), documents: revision.documents, overrides });
  });
  serve(api, diffRevisions, ({ context, params: { number, other } }) => {
    const [from, to] = [number, other].map(each => known(revisions.get(numberOf(each)), each));
    if (!from || !to) throw noRevision(numberOf(number));
    return answer(200, revisionDiff(revisions, [from, to], seenBy(context)));
  });
}

function historyRoutes(api: Api, dependencies: AdminDependencies): void {
  const { control, now = Date.now } = dependencies;
  serve(api, readHistory, ({ context, query: { limit, cursor = Number.POSITIVE_INFINITY, fleet } }) => {
    const sees = seenBy(context);
    const seen = (key: string) => sees(key) && (fleet === undefined || key === fleet);
    const found = control.revisions.publications
      .toReversed()
      .filter(each => each.number < cursor && Object.keys(each.fleets).some(seen));
    const last = found.length > limit ? found[limit - 1] : undefined;
    const shown = found.slice(0, limit).map(each => ({
      ...each,
      at: instant(each.at),
      fleets: Object.fromEntries(Object.entries(each.fleets).filter(([key]) => seen(key))),
    }));
    return answer(200, { publications: shown, ...(last ? { next: String(last.number) } : {}) });
  });
  serve(api, proxyHistory, ({ context, params: { id }, query: { at = now() } }) => {
    const fleet = fleetOfProxy(dependencies, id, seenBy(context));
    return answer(200, held(dependencies, id, fleet, at));
  });
}

function fleetOfProxy({ fleet }: AdminDependencies, id: string, sees: (fleet: string) => boolean): string {
  const found = [
    ...fleet.proxies().filter(each => each.node.id === id),
    ...fleet.departed().filter(each => each.node.id === id),
  ];
  const key = found.map(fleetOf).find(each => each !== undefined && sees(each));
  if (key !== undefined) return key;
  const hint = 'GET /api/v1/proxies lists those that are, and that were of late';
  throw new ApiError(404, 'Not found', `No proxy "${id}" of a fleet is known.`, { hint });
}

function held({ control: { revisions } }: AdminDependencies, id: string, fleet: string, at: number): HeldReply {
  const records = revisions.publications;
  const record = publicationAt(records, fleet, at);
  const version = record?.fleets[fleet];
  if (!record || !version) {
    const first = records.find(each => Object.hasOwn(each.fleets, fleet));
    const hint = first && `what it was sent is known from ${instant(first.at)} on`;
    throw new ApiError(404, 'Not found', `It is not known what fleet "${fleet}" was sent at ${instant(at)}.`, { hint });
  }
  const later = records.find(each => each.number > record.number && Object.hasOwn(each.fleets, fleet));
  const [revision] = revisions.list({ limit: 1, matches: each => each.number === record.revision });
  return {
    id,
    fleet,
    at: instant(at),
    version,
    since: instant(record.at),
    ...(later ? { until: instant(later.at) } : {}),
    ...causeOf(record),
    revision: revision ? entryOf(revision) : null,
    now: later === undefined,
  };
}

function causeOf({ cause, author, what }: PublicationRecord) {
  return { cause, author, what };
}

function entryOf({ number, at, author, source, reason, kind, what, pin }: ListedRevision): RevisionEntry {
  const pinned = pin ? { pin: { ...pin, at: instant(pin.at) } } : {};
  return { number, at: instant(at), author, source, reason, kind, what, ...pinned };
}

function numberOf(text: string): number {
  const number = Number(text);
  if (/^\d{1,15}$/.test(text)) return number;
  throw new ApiError(404, 'Not found', `"${text}" is no number of a revision.`, {
    hint: 'GET /api/v1/revisions lists them',
  });
}

function known(revision: Revision | undefined, number: string): Revision {
  if (revision) return revision;
  throw noRevision(number);
}

function noRevision(number: number | string): ApiError {
  const hint = 'GET /api/v1/revisions lists those that are kept';
  return new ApiError(404, 'Not found', `There is no revision ${number}.`, { hint });
}
