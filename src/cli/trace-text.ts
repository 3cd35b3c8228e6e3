import type { TraceReply } from '../admin/api.ts';
import type { Destination, Outcome } from '../trace/outcome.ts';
import { shares } from '../trace/report.ts';
import { type Paint, renderTable } from './output.ts';
import { placeText } from './rejection-text.ts';

/** A trace as a person reads it: where the request came in, the rules in their order, what becomes of it. */
export function traceText(reply: TraceReply, paint: Paint): string {
  const { method, host, path, fleet, listener, virtualHost, rules } = reply;
  const head = `${method} http://${host}${path}\nfleet ${fleet}, listener ${listener}`;
  const by = virtualHost ? `, host ${virtualHost.name} by ${virtualHost.domain}` : '';
  const rows = rules.map(each => [
    `  ${each.taken ? 'takes it' : 'no'}`,
    each.name,
    placeText(each) || '-',
    each.taken ? '' : shown(each.why),
  ]);
  const colour = (cell: string, padded: string) =>
    cell === '  takes it' ? paint('green', padded) : cell === '  no' ? paint('dim', padded) : padded;
  const table = rows.length === 0 ? '' : `\n${renderTable(['  ', 'RULE', 'PLACE', 'WHY NOT'], rows, colour)}`;
  return `${head}${by}\n${table}\n${outcomeText(reply.outcome, reply, paint)}\n`;
}

/** A rule with many variants, such as versions of an API, has as many reasons. */
const mostReasons = 3;

function shown(why: readonly string[]): string {
  const more = why.length > mostReasons ? [`${why.length - mostReasons} more reasons`] : [];
  return [...why.slice(0, mostReasons), ...more].join('; or ');
}

function outcomeText(outcome: Outcome, { host, path }: TraceReply, paint: Paint): string {
  switch (outcome.kind) {
    case 'forward': {
      const changes = [
        ...(outcome.hashed ? ['by a hash of what the caller sends'] : []),
        ...(outcome.path === path ? [] : [`with path ${outcome.path}`]),
        ...(outcome.host === host ? [] : [`with host ${outcome.host}`]),
      ];
      return [`goes to ${destinationsText(outcome.destinations)}`, ...changes].join(', ');
    }
    case 'connection':
      return `the connection goes to ${destinationsText(outcome.destinations)}, whatever it carries`;
    case 'redirect':
      return `is answered ${outcome.status}, go to ${outcome.location}`;
    case 'respond':
      return `is answered ${outcome.status}${outcome.body === '' ? '' : `: ${outcome.body}`}`;
    case 'unrouted': {
      const where = outcome.location === undefined ? '' : `, go to ${outcome.location}`;
      return `${paint('red', `is answered ${outcome.status}`)} by Envoy${where}: ${outcome.why}`;
    }
  }
}

function destinationsText(destinations: readonly Destination[]): string {
  const parts = shares(destinations);
  if (destinations.length === 1) return destinations[0]?.cluster ?? '';
  return destinations.map(({ cluster }, index) => `${cluster} ${percent(parts[index] ?? 0)}`).join(', ');
}

const percent = (share: number) => `${Number(share.toFixed(2))}%`;
