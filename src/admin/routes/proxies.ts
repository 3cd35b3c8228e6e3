import { type Context, Hono } from 'hono';
import { didYouMean } from '../../base/suggest.ts';
import { type ProxiesReply, type ProxyReply, type ProxyState, proxyStates } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { ApiError } from '../problem-json.ts';
import { proxyTable } from '../proxy-table.ts';

/** The sync table, or what `?fleet=` and `?state=` leave of it. A fleet's name stands for all its sub-fleets. */
export function proxyRoutes(dependencies: AdminDependencies): Hono {
  return new Hono().get('/proxies', context => {
    const state = readState(context);
    const fleet = context.req.query('fleet');
    const wanted = (each: ProxyReply) =>
      (state === undefined || each.state === state) &&
      (fleet === undefined || each.fleet === fleet || (each.fleet?.startsWith(`${fleet}/`) ?? false));
    const reply: ProxiesReply = { proxies: proxyTable(dependencies).filter(wanted) };
    return context.json(reply);
  });
}

function readState(context: Context): ProxyState | undefined {
  const text = context.req.query('state');
  const known = proxyStates.find(each => each === text);
  if (text === undefined || known) return known;
  throw new ApiError(400, 'Invalid query', `state="${text}" is unknown.`, {
    hint: didYouMean(text, proxyStates) ?? `one of ${proxyStates.join(', ')}`,
  });
}
