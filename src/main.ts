import { join } from 'node:path';
import type { Logger } from 'pino';
import manifest from '../package.json' with { type: 'json' };
import { AuditLog } from './access/audit-log.ts';
import { Tokens } from './access/tokens.ts';
import { accessProblems } from './access-problems.ts';
import { adminToken } from './admin/auth.ts';
import { EventReaders } from './admin/event-stream.ts';
import { addressText } from './admin/listen.ts';
import { Refusals } from './admin/refusals.ts';
import { startAdmin } from './admin/server.ts';
import { openAdminTls, secureListening } from './admin-tls.ts';
import { formatProblem, type Problem, problem } from './base/problem.ts';
import { keepBundles } from './bundles.ts';
import { systemClock } from './control/clock.ts';
import type { Control } from './control/control.ts';
import { Controller } from './control/controller.ts';
import { type Pipeline, pipeline } from './control/pipeline.ts';
import { watchEndpoints } from './endpoint-health.ts';
import { EventFeed } from './event-feed.ts';
import { EventLog } from './events/event-log.ts';
import { Fleet } from './fleet/fleet.ts';
import { usualGoodAfter, watchGoodPublications } from './good-publications.ts';
import { documentProblems } from './ir/check-draft.ts';
import { parse } from './policy/parse.ts';
import { watchPropagation } from './propagation.ts';
import { watchRejections } from './rejections.ts';
import { policyVariable, type Settings } from './settings.ts';
import { Board } from './snapshot/board.ts';
import { followPolicyFiles, type PolicySink } from './sources/files.ts';
import { systemNameQuery } from './sources/name-query.ts';
import { type HeldAnswer, NameSource } from './sources/names.ts';
import { openSqliteStore } from './store/sqlite.ts';
import { type Store, StoreError } from './store/store.ts';
import type { Tracing } from './tracing.ts';
import type { XdsEvent } from './xds/events.ts';
import { defaultXdsSettings, XdsService, type XdsServiceSettings } from './xds/service.ts';
import { startXdsRest } from './xds-rest.ts';
import { identityProblems, openXdsTls } from './xds-tls.ts';

/** A control plane that serves. */
export interface RunningServer {
  readonly control: Control;
  readonly fleet: Fleet;
  readonly board: Board;
  /** Ports that it listens on, also where the settings said 0. */
  readonly xdsPort: number;
  /** Undefined when nobody may poll. */
  readonly xdsRestPort: number | undefined;
  /** 0 where it listens on a socket. */
  readonly adminPort: number;
  /** `http://127.0.0.1:18080`, or `unix:/run/switchyard.sock`. */
  readonly adminUrl: string;
  /** Ends all of it; settles when nothing is left running. Envoys keep what they have (P1). */
  close(): Promise<void>;
}

/** What a server is built of that a test may have another one of. */
interface Parts {
  readonly pipeline?: Pipeline;
  readonly xds?: Partial<XdsServiceSettings>;
  readonly events?: EventLog;
}

/** What must be ended, last begun first. */
type Ending = () => Promise<void> | void;

/** Milliseconds that proxies and callers are given to be done when it ends. */
const patience = 3000;

/**
 * Builds everything, joins it and lets it listen. What was in force before the last end is served from the store before
 * the policy files are read (P19).
 *
 * @throws Error that says what to do, when it cannot start; nothing is then left running.
 */
export async function startServer(settings: Settings, log: Logger, parts: Parts = {}): Promise<RunningServer> {
  const endings: Ending[] = [];
  const close = once(async () => {
    for (const end of endings.reverse()) {
      try {
        await end();
      } catch (error) {
        // The others must end all the same.
        log.error({ err: error }, 'a part of the server did not end well');
      }
    }
  });
  try {
    return { ...(await start(settings, log, endings, parts)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(
  settings: Settings,
  log: Logger,
  endings: Ending[],
  parts: Parts,
): Promise<Omit<RunningServer, 'close'>> {
  const startedAt = Date.now();
  const report = (message: string, error: unknown) => log.error({ err: error }, message);
  const store = openStore(settings, log);
  endings.push(() => store.close());
  const board = new Board();
  const fleet = new Fleet();
  const stop = new AbortController();
  endings.push(() => stop.abort());
  const tracing = await openTracing(settings, log);
  if (tracing) endings.push(() => tracing.close());
  const watched = watchPropagation(board, parts.pipeline ?? tracing?.pipeline() ?? pipeline);
  tracing?.follow(board, fleet, stop.signal);
  const made = makeController({ pipeline: watched.pipeline, store, board, report, settings, signal: stop.signal });
  const { controller, names } = made;
  endings.push(() => controller.stop());
  controller.start();
  logPolicy(controller, log, settings.xdsTls === undefined);

  const logLimit = limitLog(log);
  const rejections = watchRejections({ control: controller, fleet, board, log, signal: stop.signal });
  const { events = new EventLog() } = parts;
  const feed = new EventFeed({ control: controller, fleet, events, latency: watched.latency });
  endings.push(feed.follow());
  const onEvent = (event: XdsEvent): void => {
    fleet.apply(event);
    if (event.kind === 'limited') logLimit(event, fleet.totals.limited.get(event.limit) ?? 0);
    else logEvent(log, event);
    rejections.see(event);
    watched.see(event);
    feed.see(event);
  };
  const tls = settings.xdsTls && (await openXdsTls(settings.xdsTls, log));
  const adminTls = settings.adminTls && (await openAdminTls(settings.adminTls, log));
  const xds = new XdsService(board, xdsSettings(settings, parts), onEvent, fleet);
  endings.push(() => xds.close(AbortSignal.timeout(patience)));
  const xdsPort = await xds.listen(tls && { tls }).catch((cause: Error) => {
    throw new Error(`${cause.message}, with --xds HOST:PORT`, { cause });
  });
  const good = { clock: systemClock, goodAfter: settings.goodAfter ?? usualGoodAfter, signal: stop.signal };
  watchGoodPublications({ control: controller, fleet, board, report, ...good });
  const endpoints = watchEndpoints({ control: controller, fleet, signal: stop.signal });
  const rest = settings.xdsRest && (await startXdsRest(settings.xdsRest, { board, tls, report }));
  if (rest) endings.push(() => rest.close());
  const retry = (id: string) => xds.retry(id);
  const audit = new AuditLog({ folder: join(settings.data, 'audit'), report });
  endings.push(() => audit.close());
  const tokens = new Tokens({ directory: settings.data, adminToken: adminToken(settings.data) });
  const notices = () => [
    ...(tls ? tls.problems(Date.now()) : identityProblems(controller)),
    ...(adminTls?.problems(Date.now()) ?? []),
    ...accessProblems(tokens, audit),
    ...[...names.held].map(heldNameProblem),
  ];
  const admin = await startAdmin({
    address: settings.admin,
    allowedHosts: settings.adminHosts,
    control: controller,
    fleet,
    board,
    log,
    retry,
    endpointHealth: endpoints.view,
    notices,
    tokens,
    audit,
    answers: store,
    events,
    readers: new EventReaders(),
    refusals: new Refusals(),
    meters: watched.meters,
    propagation: watched.propagation,
    about: { version: manifest.version, startedAt },
    data: settings.data,
    openStreams: () => xds.streams,
    stopped: stop.signal,
    ...(tls && { tls }),
    ...(tracing && { trace: tracing.request }),
    ...(adminTls && { adminTls, secure: secureListening(adminTls) }),
  });
  endings.push(() => admin.close());

  const sink = policySink(controller, tracing);
  const tasks = [
    followPolicyFiles(settings.policy, sink, { signal: stop.signal, report, variables: policyVariable }),
    ...[tls, adminTls].flatMap(each => (each ? [each.follow(stop.signal)] : [])),
    endpoints.follow(),
    keepBundles({ control: controller, folder: join(settings.data, 'bundles'), report, signal: stop.signal }),
  ].map(task => task.catch(error => report('a part of the server has failed', error)));
  endings.push(async () => {
    stop.abort();
    await Promise.all(tasks);
  });
  const over = tls ? ' (TLS)' : '';
  const restAddress = rest ? `, its REST polls on ${settings.xdsRest?.host}:${rest.port}` : '';
  const adminUrl = urlOf(settings, admin.port);
  log.info(
    { policy: settings.policy, data: settings.data },
    `listening: xDS${over} on ${settings.xds.host}:${xdsPort}${restAddress}, admin API on ${adminUrl}`,
  );
  return { control: controller, fleet, board, xdsPort, xdsRestPort: rest?.port, adminPort: admin.port, adminUrl };
}

/** Of the admin API, with the port that it was given. */
function urlOf({ admin, adminTls }: Settings, port: number): string {
  if ('path' in admin) return addressText(admin);
  return `${adminTls ? 'https' : 'http'}://${addressText({ ...admin, port })}`;
}

function openStore({ data: directory, retention = {} }: Settings, log: Logger): Store {
  return openSqliteStore({ directory, now: Date.now, report: message => log.error(message), retention });
}

/** Nothing of it is loaded where nobody traces. */
async function openTracing({ traces }: Settings, log: Logger): Promise<Tracing | undefined> {
  if (!traces) return undefined;
  const { Tracing } = await import('./tracing.ts');
  return new Tracing({ ...traces, version: manifest.version, report: message => log.warn(message) });
}

function xdsSettings({ xds, lingerLimit, xdsLimits, xdsTransport }: Settings, parts: Parts): XdsServiceSettings {
  const order = { ...defaultXdsSettings.order, lingerLimit };
  const limits = { ...defaultXdsSettings.limits, ...xdsLimits };
  return {
    ...defaultXdsSettings,
    ...xds,
    order,
    limits,
    ...(xdsTransport && { transport: xdsTransport }),
    ...parts.xds,
  };
}

function makeController({
  store,
  board,
  pipeline: stages,
  report,
  settings: { nameServers },
  signal,
}: {
  readonly pipeline: Pipeline;
  readonly store: Store;
  readonly board: Board;
  readonly report: (message: string, error: unknown) => void;
  readonly settings: Settings;
  readonly signal: AbortSignal;
}): { readonly controller: Controller; readonly names: NameSource } {
  const names = new NameSource({
    query: systemNameQuery({ timeoutMs: 1000, ...(nameServers && { servers: nameServers }) }),
    known: store.resolvedNames(),
    save: changes => store.changeResolvedNames(changes),
    changed: () => controller.namesChanged(),
    shrinks: (...given) => controller.shrinksByName(...given),
    report,
    signal,
    random: Math.random,
  });
  const controller = new Controller({ store, board, pipeline: stages, names, clock: systemClock, report });
  return { controller, names };
}

/** That a host name has lost so many addresses that those that went are kept. */
function heldNameProblem([host, { before, addresses }]: readonly [string, HeldAnswer]): Problem {
  const what = `The name ${host} has ${addresses.length} of ${before.length} addresses left; those that went are kept`;
  return problem('service.name_shrunk', [], what, `if they are gone, "switchyard accept ${host}" says so`);
}

/** Saves of the policy files, on their way to the controller. */
function policySink(controller: Control, tracing: Tracing | undefined): PolicySink {
  return {
    submit: async documents => {
      try {
        const about = { author: 'policy files', source: 'file', reason: 'saved' } as const;
        const submit = () => controller.submit(documents, about);
        await (tracing ? tracing.change('save', submit) : submit());
      } catch (error) {
        if (error instanceof StoreError) {
          const hint = 'free space on its disk or mend its permissions; it is tried again by itself';
          controller.reject([problem('store.unwritable', [], error.message, hint)], 'file');
        }
        throw error;
      }
    },
    reject: (problems, documents) => controller.reject(documentProblems(parse(documents), problems), 'file'),
  };
}

/** Says what became of each save, and when the first policy is in force. */
function logPolicy(controller: Controller, log: Logger, plain: boolean): void {
  let { rejected } = controller;
  let revision: number | undefined;
  const say = () => {
    const { accepted } = controller;
    if (rejected && !controller.rejected && accepted?.revision.number === revision) {
      log.info({ revision }, 'the policy is again what is in force');
    }
    if (accepted && accepted.revision.number !== revision) {
      const fleets = accepted.fleets.map(each => each.key);
      log.info({ revision: accepted.revision.number, fleets }, revision === undefined ? 'ready' : 'policy accepted');
      for (const each of [...accepted.warnings, ...(plain ? identityProblems(controller) : [])])
        log.warn({ code: each.code }, formatProblem(each));
      revision = accepted.revision.number;
    }
    if (controller.rejected && controller.rejected !== rejected) {
      const { problems } = controller.rejected;
      const sequel = accepted
        ? 'what was in force goes on'
        : 'nothing is in force, and nobody is served, until a good one is saved';
      log.error({ problems: problems.length }, `the policy was not taken; ${sequel}`);
      for (const each of problems) {
        log[each.severity === 'error' ? 'error' : 'warn']({ code: each.code }, formatProblem(each));
      }
    }
    rejected = controller.rejected;
  };
  const frozen = freezeLog(controller, log);
  const all = () => {
    say();
    frozen();
  };
  all();
  controller.onChange(all);
}

/** Says when it is frozen, also at a start, and when that ends: whoever reads that a policy was accepted takes it for sent. */
function freezeLog({ freezing }: Controller, log: Logger): () => void {
  let since: number | undefined;
  return () => {
    const { frozen, waitingCount } = freezing.status;
    if (frozen?.since === since) return;
    since = frozen?.since;
    if (!frozen) return log.info('the freeze has ended; what was accepted is published');
    const { by, reason, revision } = frozen;
    log.warn(
      { by, reason, revision, waiting: waitingCount },
      'frozen: what is accepted is not published; "switchyard thaw" ends it',
    );
  };
}

/** Says of each limit that clients come to it, and not more than once in a while: there may be very many that do. */
function limitLog(log: Logger): (event: Extract<XdsEvent, { readonly kind: 'limited' }>, count: number) => void {
  const said = new Map<string, number>();
  return ({ limit, message, clientId }, count) => {
    const now = systemClock.now();
    if (now - (said.get(limit) ?? Number.NEGATIVE_INFINITY) < LIMIT_PAUSE) return;
    said.set(limit, now);
    log.warn({ limit, client: clientId, sinceStart: count }, `a limit was reached: ${message}`);
  };
}

/** Milliseconds. */
const LIMIT_PAUSE = 10_000;

function logEvent(log: Logger, event: XdsEvent): void {
  switch (event.kind) {
    case 'identified':
      log.info({ client: event.clientId, node: event.node.id, cluster: event.node.cluster }, 'a proxy has connected');
      return;
    case 'closed':
      log.info({ client: event.clientId, reason: event.reason }, 'a client has gone');
      return;
    case 'nacked':
    case 'withheld':
      // Told of with the places by who watches rejections.
      return;
    case 'assigned': {
      const { kind } = event.assignment;
      if (kind === 'refused') log.warn(event, 'a proxy was refused, and its streams have ended');
      else if (kind !== 'assigned') log.warn(event, 'a proxy belongs to no fleet');
      return;
    }
    default:
      log.debug(event, event.kind);
  }
}

function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= act();
    return done;
  };
}
