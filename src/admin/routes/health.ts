import { readHealth, readReadiness } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
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
