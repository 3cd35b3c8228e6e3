import { type Context, Hono } from 'hono';
import { didYouMean } from '../../base/suggest.ts';
import { type ProxiesReply, type ProxyReply, type ProxyState, proxyStates, type RetryReply } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { placesIn } from '../places.ts';
import { ApiError } from '../problem-json.ts';
import { proxyTable } from '../proxy-table.ts';

/** The sync table, or what `?fleet=` and `?state=` leave of it. A fleet's name stands for all its sub-fleets. */
export function proxyRoutes(dependencies: AdminDependencies): Hono {
  const { control } = dependencies;
  return new Hono()
    .get('/proxies', context => {
      const state = readState(context);
      const fleet = context.req.query('fleet');
      const wanted = (each: ProxyReply) =>
        (state === undefined || each.state === state) &&
        (fleet === undefined || each.fleet === fleet || (each.fleet?.startsWith(`${fleet}/`) ?? false));
      const reply: ProxiesReply = { proxies: proxyTable(dependencies, placesIn(control)).filter(wanted) };
      return context.json(reply);
    })
    .post('/proxies/:id/retry', context => context.json(retry(dependencies, context.req.param('id')), 202));
}

/** Sends a proxy what it rejected once more. */
function retry({ fleet, retry: again }: AdminDependencies, id: string): RetryReply {
  // Counted before: from then on nothing is withheld.
  const withheld = fleet.proxies().flatMap(each => (each.node.id === id && each.withheld ? [each.withheld] : []));
  const resources = withheld.reduce((sum, each) => sum + each.rejects.length + each.suspects.length, 0);
  if (again(id)) return { id, resources };
  const connected = fleet.proxies().map(each => each.node.id);
  throw new ApiError(404, 'Not found', `No proxy "${id}" is connected.`, {
    hint: didYouMean(id, connected) ?? 'GET /api/v1/proxies lists those that are',
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
