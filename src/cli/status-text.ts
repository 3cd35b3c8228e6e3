import type {
  ComputedReply,
  EndpointHealthReply,
  OverrideReply,
  PolicyReply,
  ProxiesReply,
  ProxyReply,
} from '../admin/api.ts';
import { troubledText } from './health-text.ts';
import { ago, count, type Paint, renderTable, type Style } from './output.ts';
import { problemText } from './problem-text.ts';
import { quarantinesText, reasonsText } from './rejection-text.ts';

/** What `status` shows: the policy in force without its texts, and the sync table. */
export type Status = Omit<PolicyReply, 'documents'> & {
  readonly proxies: readonly ProxyReply[];
  /** How many there are, of which those may be the first. */
  readonly total: number;
  readonly counts: ProxiesReply['counts'];
  /** With more columns. */
  readonly wide: boolean;
  /** Endpoints that some proxy does not find healthy. */
  readonly endpointHealth: EndpointHealthReply;
};

const quarantined = 'proxy.quarantined';

const typeColumns = ['CDS', 'EDS', 'LDS', 'RDS'] as const;

const styles: Readonly<Record<string, Style>> = {
  synced: 'green',
  pending: 'yellow',
  stale: 'yellow',
  ambiguous: 'red',
  unmatched: 'red',
  refused: 'red',
  rejected: 'red',
  disconnected: 'dim',
};

/** The whole of it for a person. `now`: milliseconds since the epoch. */
export function statusText(status: Status, paint: Paint, now: number): string {
  const parts = [
    revisionText(status, now),
    freezeText(status, paint, now),
    status.overrides.map(each => overrideText(each, now)).join(''),
    status.computed.map(each => `${computedText(each, now)}\n`).join(''),
    refusedText(status, paint, now),
    // Quarantines are warnings too.
    quarantinesText(status.quarantines, paint, now),
    status.warnings.flatMap(each => (each.code === quarantined ? [] : [problemText(each, paint)])).join(''),
    troubledText(status.endpointHealth, paint),
    proxiesText(status, paint, now),
  ];
  return parts.filter(part => part !== '').join('\n');
}

function revisionText({ revision, fleets }: Status, now: number): string {
  if (!revision) return 'no policy has been accepted yet: nothing is served\n';
  const reason = revision.reason === '' ? '' : `: ${revision.reason}`;
  const list = fleets.map(each => each.key).join(', ') || 'none';
  return `revision ${revision.number}, ${ago(revision.at, now)} by ${revision.author}${reason}\nfleets: ${list}\n`;
}

function freezeText({ freeze }: Status, paint: Paint, now: number): string {
  if (!freeze) return '';
  const { since, by, reason, revision, waitingCount } = freeze;
  const why = reason === undefined ? '' : `: ${reason}`;
  const waits = waitingCount === 0 ? 'nothing waits' : `${count(waitingCount, 'change')} waiting`;
  const head = paint('yellow', `frozen at revision ${revision}, ${ago(since, now)} by ${by}${why}`);
  return `${head}\n${waits}; "switchyard freeze --list" shows more, "switchyard thaw" ends it\n`;
}

/** One line, and the reason of a suspended one. */
export function overrideText(each: OverrideReply, now: number): string {
  const weights = Object.entries(each.weights ?? {}).map(([destination, weight]) => `${destination}=${weight}`);
  const weight = each.weight === undefined ? [] : [`weight ${each.weight}`];
  const what = [...weights, ...(each.state === undefined ? [] : [each.state]), ...weight].join(' ');
  const sessions = sessionsText(each);
  const until = each.expiresAt === undefined ? '' : `, until ${each.expiresAt}`;
  const reason = each.reason === undefined ? '' : `: ${each.reason}`;
  const why = each.why === undefined ? '' : `    ${each.why}\n`;
  return `override (${each.effect}) ${each.target}: ${what}${sessions}${until}, ${ago(each.since, now)} by ${each.by}${reason}\n${why}`;
}

/** One line. */
export function computedText({ target, source, since, renewed, expiresAt }: ComputedReply, now: number): string {
  return `computed weights ${target}: by ${source} since ${ago(since, now)}, last ${ago(renewed, now)}, until ${expiresAt}`;
}

function sessionsText({ sessionsUntil, state }: OverrideReply): string {
  if (sessionsUntil === undefined) return '';
  return `, sessions ${state === 'draining' ? 'until' : 'ended'} ${sessionsUntil}`;
}

function refusedText({ rejected, revision }: Status, paint: Paint, now: number): string {
  if (!rejected) return '';
  const instead = revision ? `revision ${revision.number} goes on` : 'nothing is served';
  const head = `${paint('red', 'a save was refused')} ${ago(rejected.at, now)}; ${instead}:\n`;
  return head + rejected.problems.map(each => problemText(each, paint)).join('');
}

function proxiesText({ proxies, total, counts, wide }: Status, paint: Paint, now: number): string {
  if (total === 0) return 'no proxy is connected\n';
  const rest = total - proxies.length;
  const groups = rest > 0 ? `${groupsText(counts, paint)}\n` : '';
  const more = rest > 0 ? `and ${rest} more: --limit, --fleet, --state and --name show others\n` : '';
  const header = ['PROXY', 'FLEET', 'STATE', 'FOR', 'XDS', ...typeColumns, 'ENVOY'];
  const rows = proxies.map(each => [
    each.id,
    each.fleet ?? '-',
    each.state,
    ago(each.since, now).replace(' ago', ''),
    each.variant,
    ...typeColumns.map(type => stateOf(each, type)),
    each.envoyVersion || '-',
    ...(wide ? [each.cluster, each.zone || '-', each.peer, ...typeColumns.map(type => versionOf(each, type))] : []),
  ]);
  const wider = wide ? ['CLUSTER', 'ZONE', 'PEER', ...typeColumns.map(type => `${type} HELD`)] : [];
  const table = renderTable([...header, ...wider], rows, coloured(paint));
  const reasons = reasonsText(proxies);
  return `${groups}${table}${more}${reasons === '' ? '' : `\n${reasons}`}`;
}

const coloured = (paint: Paint) => (cell: string, padded: string) => {
  const style = styles[cell];
  return style === undefined ? padded : paint(style, padded);
};

/** How many proxies of each fleet are in each state; the columns are the states that there are. */
function groupsText(counts: ProxiesReply['counts'], paint: Paint): string {
  const states = Object.keys(styles).filter(state => counts.some(each => each.state === state));
  const fleets = [...new Set(counts.map(each => each.fleet))].sort();
  const rows = fleets.map(fleet => {
    const of = counts.filter(each => each.fleet === fleet);
    const all = of.reduce((sum, each) => sum + each.count, 0);
    return [
      fleet ?? '-',
      String(all),
      ...states.map(state => String(of.find(each => each.state === state)?.count ?? '-')),
    ];
  });
  const title = (cell: string, padded: string) => {
    const style = styles[cell.toLowerCase()];
    return style === undefined ? padded : paint(style, padded);
  };
  return renderTable(['FLEET', 'PROXIES', ...states.map(state => state.toUpperCase())], rows, title);
}

function stateOf(proxy: ProxyReply, type: (typeof typeColumns)[number]): string {
  const state = proxy.types[type]?.state;
  return state === undefined || state === 'notAsked' ? '-' : state;
}

/** The beginning of the version that it holds; versions are hashes. */
function versionOf(proxy: ProxyReply, type: (typeof typeColumns)[number]): string {
  return proxy.types[type]?.acked?.slice(0, 8) ?? '-';
}
