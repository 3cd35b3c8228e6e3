import type { ProxyReply } from '../../admin/api.ts';
import { testedEnvoy } from '../../base/tested-envoy.ts';
import { count } from '../output.ts';
import { type CheckId, error, type Finding, ok, skipped, warning } from './finding.ts';
import { isOlder } from './installation.ts';
import { apart, tolerated } from './server.ts';

/** Proxies named in one finding; what is more is counted. */
const most = 5;

/** All that there is to say of the Envoys, each kind of trouble once for all that have it. */
export function envoyFindings(all: readonly ProxyReply[]): readonly Finding[] {
  const here = all.filter(each => each.state !== 'disconnected' && each.disconnectedAt === undefined);
  return [
    ...connectedFindings(all, here),
    ...(here.length === 0
      ? []
      : [
          ...identityFindings(here),
          ...fleetFindings(here),
          ...configurationFindings(here),
          ...versionFindings(here),
          ...variantFindings(here),
          ...adminFindings(here),
          ...clockFindings(here),
        ]),
  ];
}

function connectedFindings(all: readonly ProxyReply[], here: readonly ProxyReply[]): readonly Finding[] {
  const id = 'envoys.connected';
  const now = new Set(here.map(each => each.id));
  const gone = all.filter(each => each.state === 'disconnected' && !now.has(each.id));
  const lost =
    gone.length === 0
      ? []
      : [
          warning(
            id,
            `${named(gone)} ${gone.length === 1 ? 'has' : 'have'} gone`,
            'look whether it runs, and at its log; if it was taken away for good, all is well',
          ),
        ];
  if (here.length > 0) return [ok(id, `${count(here.length, 'Envoy')} connected`), ...lost];
  return [
    warning(id, 'no Envoy is connected', 'start one: "switchyard init --only envoy" writes a bootstrap'),
    ...lost,
  ];
}

function identityFindings(here: readonly ProxyReply[]): readonly Finding[] {
  const id = 'envoys.identity';
  const twice = [...Map.groupBy(here, each => each.id)].filter(([, rows]) => rows.length > 1);
  if (twice.length === 0) return [ok(id, 'each has a node id of its own')];
  return twice.map(([node, rows]) => {
    const peers = rows
      .map(each => each.peer)
      .slice(0, most)
      .join(', ');
    const message = `${rows.length} Envoys say that they are "${node}", from ${peers}`;
    return error(id, message, 'give each a node.id of its own in its bootstrap, and restart it');
  });
}

function fleetFindings(here: readonly ProxyReply[]): readonly Finding[] {
  const id = 'envoys.fleet';
  const lost = here.filter(
    each => each.state === 'unmatched' || each.state === 'ambiguous' || each.state === 'refused',
  );
  if (lost.length === 0) return [ok(id, 'each belongs to a fleet')];
  const remedies = {
    unmatched: 'mend its node.id and node.cluster in its bootstrap, or "match" of a fleet',
    ambiguous: 'make "match" of the fleets such that only one fits it',
    refused: 'give it a certificate that may speak for its node id',
  } as const;
  return byWhy(lost, each => `${each.state}: ${each.why ?? 'no reason is known'}`).map(([why, proxies]) => {
    const [first] = proxies;
    const nearest = first?.nearestFleet === undefined ? '' : `; the nearest is ${first.nearestFleet}`;
    return error(id, `${named(proxies)}: ${why}${nearest}`, remedies[first?.state as keyof typeof remedies]);
  });
}

function configurationFindings(here: readonly ProxyReply[]): readonly Finding[] {
  const id = 'envoys.configuration';
  const rejecting = here.filter(each => each.state === 'rejected');
  const late = here.filter(each => each.state === 'pending' || each.state === 'stale');
  const found = [
    ...byWhy(rejecting, each => each.why ?? 'it rejected something').map(([why, proxies]) =>
      error(
        id,
        `${named(proxies)}: ${why}`,
        `mend that place in the policy; "switchyard config ${proxies[0]?.id ?? 'PROXY'}" shows all of it`,
      ),
    ),
    ...byWhy(late, each => each.why ?? 'it does not hold what is intended').map(([why, proxies]) =>
      warning(
        id,
        `${named(proxies)}: ${why}`,
        `if that lasts, look at its log; "switchyard config ${proxies[0]?.id ?? 'PROXY'} --diff" shows what is missing`,
      ),
    ),
  ];
  return found.length > 0 ? found : [ok(id, 'each that belongs to a fleet holds what is intended')];
}

function versionFindings(here: readonly ProxyReply[]): readonly Finding[] {
  const id = 'envoys.version';
  const old = here.filter(each => isOlder(each.envoyVersion, testedEnvoy));
  const found = byWhy(old, each => each.envoyVersion).map(([version, proxies]) =>
    warning(
      id,
      `${named(proxies)}: Envoy ${version} is older than ${testedEnvoy}, with which Switchyard is tested`,
      `upgrade to Envoy ${testedEnvoy} or newer`,
    ),
  );
  return found.length > 0
    ? found
    : [ok(id, `Envoy ${[...new Set(here.map(each => each.envoyVersion))].sort().join(', ')}`)];
}

/** Both forms of the protocol are served alike; within a fleet they should not differ without intention. */
function variantFindings(here: readonly ProxyReply[]): readonly Finding[] {
  const id = 'envoys.variant';
  const fleets = Map.groupBy(
    here.filter(each => each.fleet !== null),
    each => each.fleet,
  );
  const mixed = [...fleets].flatMap(([fleet, proxies]) => {
    const sotw = proxies.filter(each => each.variant === 'sotw');
    if (sotw.length === 0 || sotw.length === proxies.length) return [];
    const message = `fleet ${fleet} speaks both forms of xDS: ${named(sotw)} state of the world, the others delta`;
    return [
      warning(id, message, 'give all of a fleet the same bootstrap: "switchyard init --only envoy --variant delta"'),
    ];
  });
  if (mixed.length > 0) return mixed;
  const variants = [...new Set(here.map(each => (each.variant === 'delta' ? 'delta' : 'state of the world')))].sort();
  return [ok(id, `they speak ${variants.join(' and ')} xDS`)];
}

function adminFindings(here: readonly ProxyReply[]): readonly Finding[] {
  const id = 'envoys.admin';
  const silent = here.filter(each => each.admin?.answers === false);
  const found = byWhy(silent, each => each.admin?.why ?? 'it does not answer').map(([why, proxies]) =>
    warning(
      id,
      `${named(proxies)}: its admin interface cannot be asked: ${why}`,
      'mend "admin" of its fleet, or the admin address in its bootstrap, or the firewall between',
    ),
  );
  if (found.length > 0) return found;
  const asked = here.filter(each => each.admin?.answers === true);
  if (asked.length === 0) return [skipped(id, 'no fleet says where its Envoys are asked (fleets.*.admin)')];
  return [ok(id, `${count(asked.length, 'admin interface')} asked and answering`)];
}

function clockFindings(here: readonly ProxyReply[]): readonly Finding[] {
  const id = 'envoys.clock';
  const known = here.filter(each => each.admin?.clockAhead !== undefined);
  const wrong = known.filter(each => Math.abs(each.admin?.clockAhead ?? 0) >= tolerated);
  const found = wrong.map(each =>
    warning(
      id,
      `the clock of ${each.id} is ${apart(each.admin?.clockAhead ?? 0)} that of the server`,
      'have both follow the same time servers',
    ),
  );
  if (found.length > 0) return bounded(id, found);
  if (known.length === 0) return [skipped(id, 'their clocks are not known: their admin interfaces are not asked')];
  return [ok(id, `${count(known.length, 'clock')} agreeing with the server`)];
}

function bounded(id: CheckId, found: readonly Finding[]): readonly Finding[] {
  if (found.length <= most) return found;
  const [first] = found;
  return [...found.slice(0, most), warning(id, `… and ${found.length - most} more`, first?.remedy ?? '')];
}

function byWhy(proxies: readonly ProxyReply[], why: (each: ProxyReply) => string) {
  return [...Map.groupBy(proxies, why)];
}

function named(proxies: readonly ProxyReply[]): string {
  const names = proxies.slice(0, most).map(each => each.id);
  return proxies.length > most ? `${names.join(', ')} and ${proxies.length - most} more` : names.join(', ');
}
