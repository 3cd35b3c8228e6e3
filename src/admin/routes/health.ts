import { readHealth, readReadiness, readServer } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { instant } from '../replies.ts';
import { type Api, answer, serve } from '../serve.ts';

/** `/healthz`: the process lives. `/readyz`: a policy is in force, so proxies that connect are served (P19). No token. */
export function healthRoutes(api: Api, { control }: AdminDependencies): void {
  serve(api, readHealth, () => answer(200, { status: 'ok' }));
  serve(api, readReadiness, () => {
    const { accepted } = control;
    if (!accepted) return answer(503, { status: 'waiting', why: 'no policy has been accepted yet' });
    return answer(200, { status: 'ready', revision: accepted.revision.number });
  });
}

/** Which process answers. With a token, as everything else. */
export function processRoutes(api: Api, { about, now = Date.now, openStreams }: AdminDependencies): void {
  serve(api, readServer, () =>
    answer(200, {
      version: about.version,
      node: process.versions.node,
      process: process.pid,
      startedAt: instant(about.startedAt),
      now: instant(now()),
      streams: openStreams(),
    }),
  );
}
