import type {
  ComputedReply,
  EndpointHealthReply,
  OverrideReply,
  PolicyReply,
  ProxiesReply,
  ProxyReply,
} from '../admin/api.ts';
import { troubledTexts } from './health-text.ts';
import type { Screen } from './host.ts';
import { ago, count, type Paint, renderTable, type Style } from './output.ts';
import { problemText } from './problem-text.ts';
import { quarantinesHead, quarantineText, reasonTexts } from './rejection-text.ts';
import { type Section, screenful } from './screenful.ts';

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

/** How it is shown. */
export interface Look {
  readonly paint: Paint;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** What has no room on it is counted. */
  readonly screen: Screen | undefined;
}

/** The whole of it for a person. */
export function statusText(status: Status, { paint, now, screen }: Look): string {
  const { overrides, computed, quarantines, rejected, endpointHealth, proxies } = status;
  // Quarantines are warnings too.
  const warnings = status.warnings.filter(each => each.code !== quarantined);
  const reasons = reasonTexts(proxies);
  const sections: readonly Section[] = [
    { head: revisionText(status, now), entries: [], more: none },
    { head: freezeText(status, paint, now), entries: [], more: none },
    list(
      overrides.map(each => overrideText(each, now)),
      'override',
    ),
    list(
      computed.map(each => `${computedText(each, now)}\n`),
      'service',
      ' with computed weights',
    ),
    {
      head: refusedHead(status, paint, now),
      ...list(
        (rejected?.problems ?? []).map(each => problemText(each, paint)),
        'problem',
      ),
    },
    {
      head: quarantinesHead(quarantines, paint),
      ...list(
        quarantines.map(each => quarantineText(each, paint, now)),
        'content',
      ),
    },
    list(
      warnings.map(each => problemText(each, paint)),
      'problem',
    ),
    troubledSection(endpointHealth, paint),
    groupsSection(status, paint),
    proxiesSection(status, paint, now),
    list(reasons, 'reason'),
  ];
  return screenful(sections, screen);
}

const none = () => '';

/** What there is of one kind; those that are not shown are counted. */
function list(entries: readonly string[], noun: string, rest = ''): Section {
  return {
    entries,
    more: hidden => (hidden === 0 ? '' : `and ${hidden} more ${noun}${hidden === 1 ? '' : 's'}${rest}\n`),
  };
}

function troubledSection(health: EndpointHealthReply, paint: Paint): Section {
  const entries = troubledTexts(health, paint);
  const more = (hidden: number) => {
    const rest = hidden + health.count - entries.length;
    return rest > 0 ? `and ${count(rest, 'endpoint')} more: switchyard health\n` : '';
  };
  return { entries, more };
}

function revisionText({ revision, fleets }: Status, now: number): string {
  if (!revision) return 'no policy has been accepted yet: nothing is served\n';
  const reason = revision.reason === '' ? '' : `: ${revision.reason}`;
  const head = `revision ${revision.number}, ${ago(revision.at, now)} by ${revision.author}${reason}\n`;
  return `${head}fleets: ${fleetsText(fleets.map(each => each.key))}\n`;
}

/** Fleets that are named; more are counted. */
const mostFleets = 10;

/** By name; sub-fleets, of which there may be thousands, are counted. */
function fleetsText(keys: readonly string[]): string {
  const names = new Map<string, number>();
  for (const key of keys) {
    const name = key.replace(/\/.*/, '');
    names.set(name, (names.get(name) ?? 0) + (name === key ? 0 : 1));
  }
  const all = [...names].map(([name, subs]) => (subs === 0 ? name : `${name} (${count(subs, 'sub-fleet')})`));
  if (all.length === 0) return 'none';
  const shown = all.slice(0, mostFleets).join(', ');
  return all.length > mostFleets ? `${shown} and ${all.length - mostFleets} more` : shown;
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

function refusedHead({ rejected, revision }: Status, paint: Paint, now: number): string {
  if (!rejected) return '';
  const instead = revision ? `revision ${revision.number} goes on` : 'nothing is served';
  return `${paint('red', 'a save was refused')} ${ago(rejected.at, now)}; ${instead}:\n`;
}

function proxiesSection({ proxies, total, wide }: Status, paint: Paint, now: number): Section {
  if (total === 0) return { head: 'no proxy is connected\n', entries: [], more: none };
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
  const table = tableSection([...header, ...wider], rows, coloured(paint));
  const more = (hidden: number) => {
    const rest = hidden + total - proxies.length;
    return rest > 0 ? `and ${rest} more: --limit, --fleet, --state and --name show others\n` : '';
  };
  return { ...table, more };
}

/** A table whose rows are entries. */
function tableSection(...given: Parameters<typeof renderTable>): Omit<Section, 'more'> {
  const [head = '', ...rows] = renderTable(...given)
    .replace(/\n$/, '')
    .split('\n');
  return { head: `${head}\n`, entries: rows.map(row => `${row}\n`) };
}

const coloured = (paint: Paint) => (cell: string, padded: string) => {
  const style = styles[cell];
  return style === undefined ? padded : paint(style, padded);
};

/**
 * How many proxies of each fleet are in each state, where they are not all shown one by one; the columns are the states
 * that there are. Fleets of which not all are synced come first.
 */
function groupsSection({ counts, total, proxies }: Status, paint: Paint): Section {
  if (total <= proxies.length) return { entries: [], more: none };
  const byFleet = Map.groupBy(counts, each => each.fleet);
  const states = Object.keys(styles).filter(state => counts.some(each => each.state === state));
  const rows = [...byFleet].map(([fleet, of]) => ({
    fleet,
    all: of.reduce((sum, each) => sum + each.count, 0),
    bad: of.reduce((sum, each) => sum + (each.state === 'synced' ? 0 : each.count), 0),
    of: new Map<string, number>(of.map(each => [each.state, each.count])),
  }));
  const cells = rows
    .sort((a, b) => b.bad - a.bad)
    .map(({ fleet, all, of }) => [fleet ?? '-', String(all), ...states.map(state => String(of.get(state) ?? '-'))]);
  const title = (cell: string, padded: string) => {
    const style = styles[cell.toLowerCase()];
    return style === undefined ? padded : paint(style, padded);
  };
  const table = tableSection(['FLEET', 'PROXIES', ...states.map(state => state.toUpperCase())], cells, title);
  return {
    ...table,
    more: list(
      cells.map(() => ''),
      'fleet',
    ).more,
  };
}

function stateOf(proxy: ProxyReply, type: (typeof typeColumns)[number]): string {
  const state = proxy.types[type]?.state;
  return state === undefined || state === 'notAsked' ? '-' : state;
}

/** The beginning of the version that it holds; versions are hashes. */
function versionOf(proxy: ProxyReply, type: (typeof typeColumns)[number]): string {
  return proxy.types[type]?.acked?.slice(0, 8) ?? '-';
}
