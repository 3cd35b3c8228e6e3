import { servedTypes } from '../../base/resource.ts';
import { didYouMean } from '../../base/suggest.ts';
import { fleetOf } from '../../fleet/proxy.ts';
import { readableOf, readableResource } from '../../snapshot/readable.ts';
import type { Snapshot } from '../../snapshot/snapshot.ts';
import { requestLine, tracedRequest } from '../../trace/question.ts';
import { TraceError, type TraceReport, traceReportSteps } from '../../trace/report.ts';
import type { BodyOf } from '../api/operation.ts';
import { type TraceReply, traceRequest } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { placeOf } from '../places.ts';
import { ApiError } from '../problem-json.ts';
import { type Api, answer, serve } from '../serve.ts';
import { finishedInTurns } from '../turns.ts';
import { seenBy } from '../visible.ts';

type Question = BodyOf<typeof traceRequest>;

/** What a fleet does with a request, from the very bytes that its proxies are sent. */
export function traceRoutes(api: Api, dependencies: AdminDependencies): void {
  serve(api, traceRequest, async ({ context, body: asked }) => {
    const [fleet, snapshot] = snapshotFor(dependencies, asked, seenBy(context));
    const report = await reportOf(snapshot, asked);
    // Of what has come into force meanwhile, rules may stand in other places.
    const isInForce = dependencies.board.current?.snapshots.get(fleet) === snapshot;
    const routeTable = isInForce ? report.routeTable : undefined;
    const reply: TraceReply = {
      fleet,
      ...report,
      rules: report.rules.map(rule => ({
        ...rule,
        ...(routeTable === undefined
          ? {}
          : placeOf(dependencies.control, fleet, servedTypes.route, routeTable, { field: rule.field })),
      })),
    };
    return answer(200, reply);
  });
}

async function reportOf(snapshot: Snapshot, { url, method, headers, listener }: Question): Promise<TraceReport> {
  const line = requestLine(url);
  if (!line) {
    throw new ApiError(422, 'Invalid body', `url: "${url}" is neither a URL nor a path.`, {
      hint: 'e.g. http://shop.example.com/cart or /cart',
    });
  }
  const fleet = {
    listeners: readableOf(snapshot, servedTypes.listener),
    table: (name: string) => readableResource(snapshot, servedTypes.route, name),
  };
  try {
    const at = listener ?? line.port;
    const steps = traceReportSteps(fleet, {
      request: tracedRequest(line, method, headers),
      ...(at === undefined ? {} : { listener: at }),
    });
    return await finishedInTurns(steps);
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    throw new ApiError(422, 'Unclear listener', `${error.message}.`, { hint: error.hint });
  }
}

function snapshotFor(
  { board, fleet: proxies }: AdminDependencies,
  { fleet, proxy }: Pick<Question, 'fleet' | 'proxy'>,
  sees: (key: string) => boolean,
): readonly [key: string, Snapshot] {
  const snapshots = board.current?.snapshots ?? new Map<string, Snapshot>();
  const keys = [...snapshots.keys()].filter(sees);
  const visible = proxies.proxies().filter(each => sees(fleetOf(each) ?? ''));
  const wanted = proxy === undefined ? fleet : fleetOfProxy(visible, proxy);
  const named = keys.filter(key => wanted === undefined || key === wanted);
  const found = named.length > 0 ? named : keys.filter(key => key.startsWith(`${wanted}/`));
  const [key] = found;
  const snapshot = key === undefined ? undefined : snapshots.get(key);
  if (key !== undefined && snapshot && found.length === 1) return [key, snapshot];
  const hint = `fleets: ${keys.join(', ') || 'none'}`;
  if (found.length > 1) throw new ApiError(422, 'Unclear fleet', 'There are several fleets: say which.', { hint });
  throw new ApiError(404, 'Not found', `There is no fleet "${wanted ?? ''}".`, { hint });
}

function fleetOfProxy(proxies: ReturnType<AdminDependencies['fleet']['proxies']>, id: string): string {
  const found = proxies.find(each => each.node.id === id);
  const key = found && fleetOf(found);
  if (key !== undefined) return key;
  const what = found ? `The proxy "${id}" belongs to no fleet.` : `No proxy "${id}" is connected.`;
  throw new ApiError(404, 'Not found', what, {
    hint:
      didYouMean(
        id,
        proxies.map(each => each.node.id),
      ) ?? 'GET /api/v1/proxies lists those that are',
  });
}
