import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createSecureServer, Server as SecureServer } from 'node:https';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { requestId } from 'hono/request-id';
import { atLeast } from '../access/caller.ts';
import { RecentSets } from '../snapshot/recent-sets.ts';
import { largestBackup } from '../store/backup.ts';
import { authenticated } from './access.ts';
import { restoreBackup } from './api.ts';
import { audited } from './audited.ts';
import { sameSiteOnly } from './auth.ts';
import { inTurns, limitSilentConnections } from './connection-limit.ts';
import type { AdminDependencies } from './dependencies.ts';
import { idempotent } from './idempotency.ts';
import { type AdminAddress, listen, type SecureListening } from './listen.ts';
import { measured, traced } from './measured.ts';
import { ApiError, errorAnswer, sendError } from './problem-json.ts';
import { auditRoutes } from './routes/audit.ts';
import { backupRoutes } from './routes/backup.ts';
import { computedWeightRoutes } from './routes/computed-weights.ts';
import { docsPageRoutes } from './routes/docs-page.ts';
import { documentRoutes } from './routes/document.ts';
import { endpointHealthRoutes } from './routes/endpoint-health.ts';
import { endpointRoutes } from './routes/endpoints.ts';
import { eventRoutes } from './routes/events.ts';
import { fleetRoutes } from './routes/fleets.ts';
import { freezeRoutes } from './routes/freeze.ts';
import { healthRoutes, processRoutes } from './routes/health.ts';
import { logLevelRoutes } from './routes/log-level.ts';
import { maintenanceRoutes } from './routes/maintenance.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { policyRoutes } from './routes/policy.ts';
import { proxyRoutes } from './routes/proxies.ts';
import { proxyConfigRoutes } from './routes/proxy-config.ts';
import { quarantineRoutes } from './routes/quarantines.ts';
import { resourceRoutes } from './routes/resources.ts';
import { revisionRoutes } from './routes/revisions.ts';
import { tokenRoutes } from './routes/tokens.ts';
import { traceRoutes } from './routes/trace.ts';
import { weightRoutes } from './routes/weights.ts';
import { safeHeaders } from './safe-headers.ts';
import type { Api } from './serve.ts';

export interface AdminOptions extends AdminDependencies {
  readonly address: AdminAddress;
  /** Absent: in plain text. */
  readonly secure?: SecureListening;
  /** Names, beside IP addresses and localhost, under which the API may be called. */
  readonly allowedHosts: ReadonlySet<string>;
}

export interface RunningAdmin {
  /** 0 for a socket. */
  readonly port: number;
  close(): Promise<void>;
}

const largestBody = 1024 * 1024;

/** The admin API as a fetch handler; the server below only puts it on a socket. */
export function adminApp(given: AdminOptions): Api {
  const options = { ...given, recent: given.recent ?? new RecentSets(given.board, Date.now) };
  const app: Api = new OpenAPIHono<{ Bindings: HttpBindings }>();
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' });
  app.onError((error, context) => {
    const answer = errorAnswer(error);
    if (answer.status >= 500) {
      const about = { err: error, request: context.get('requestId'), path: context.req.path };
      options.log.error(about, 'admin request failed');
    }
    return sendError(context, answer);
  });
  app.notFound(context =>
    sendError(
      context,
      new ApiError(404, 'Not found', `There is nothing at ${context.req.method} ${context.req.path}.`),
    ),
  );
  const { refusals } = options;
  app.use(safeHeaders(), requestId({ limitLength: 64 }), measured(options));
  if (options.trace) app.use(traced(options.trace));
  healthRoutes(app, options);
  app.use(audited(options.audit, options), sameSiteOnly(options.allowedHosts, refusals));
  docsPageRoutes(app);
  app.use(authenticated(options));
  const [small, large] = [bodyUpTo(largestBody, '1 MiB'), bodyUpTo(largestBackup, '256 MiB')];
  // A body is read before it is known whether it will be done: what is large, from those alone who may send it.
  const isBackup = ({ req, var: { caller } }: Context) =>
    req.path === restoreBackup.path && atLeast(caller.role, 'admin');
  app.use((context, next) => (isBackup(context) ? large : small)(context, next));
  const { now, answers: store } = options;
  const report = (error: unknown) => options.log.error({ err: error }, 'an answer is not remembered over a restart');
  app.use(idempotent({ now, store, report }));
  processRoutes(app, options);
  metricsRoutes(app, options);
  proxyRoutes(app, options);
  proxyConfigRoutes(app, options);
  quarantineRoutes(app, options);
  policyRoutes(app, options);
  fleetRoutes(app, options);
  traceRoutes(app, options);
  weightRoutes(app, options);
  endpointRoutes(app, options);
  endpointHealthRoutes(app, options);
  computedWeightRoutes(app, options);
  maintenanceRoutes(app, options);
  eventRoutes(app, options);
  tokenRoutes(app, options);
  auditRoutes(app, options);
  revisionRoutes(app, options);
  freezeRoutes(app, options);
  backupRoutes(app, options);
  logLevelRoutes(app, options);
  resourceRoutes(app, options);
  documentRoutes(app);
  return app;
}

function bodyUpTo(maxSize: number, text: string): MiddlewareHandler {
  const onError = (context: Context) =>
    sendError(context, new ApiError(413, 'Body too large', `The body may hold ${text}.`));
  return bodyLimit({ maxSize, onError });
}

/** Listens. @throws Error that names the address and the remedy when it cannot. */
export async function startAdmin(options: AdminOptions): Promise<RunningAdmin> {
  const { secure, address } = options;
  const answer = inTurns(getRequestListener(adminApp(options).fetch, { hostname: 'localhost' }));
  const server = secure
    ? createSecureServer({ ...serverOptions, ...secure.options }, answer)
    : createServer(serverOptions, answer);
  if (server instanceof SecureServer) secure?.follow(server);
  limitSilentConnections(server, mostSilentConnections);
  return { port: await listen(server, address), close: () => close(server) };
}

/** Slow or silent callers hold a connection for no longer than this (P28). Times in milliseconds. */
const serverOptions: ServerOptions = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 15_000,
  connectionsCheckingInterval: 1000,
};
const mostSilentConnections = 2500;

/** Answers that take longer than this after the end are cut off; milliseconds. */
const patience = 1000;

function close(server: Server): Promise<void> {
  return new Promise(resolve => {
    const force = setTimeout(() => server.closeAllConnections(), patience);
    server.close(() => {
      clearTimeout(force);
      resolve();
    });
    server.closeIdleConnections();
  });
}
