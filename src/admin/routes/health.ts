import { Hono } from 'hono';
import type { AdminDependencies } from '../dependencies.ts';

/** `/healthz`: the process lives. `/readyz`: a policy is in force, so proxies that connect are served (P19). No token. */
export function healthRoutes({ control }: AdminDependencies): Hono {
  return new Hono()
    .get('/healthz', context => context.json({ status: 'ok' }))
    .get('/readyz', context => {
      const accepted = control.accepted;
      if (!accepted) return context.json({ status: 'waiting', why: 'no policy has been accepted yet' }, 503);
      return context.json({ status: 'ready', revision: accepted.revision.number });
    });
}
