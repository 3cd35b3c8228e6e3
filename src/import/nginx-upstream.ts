import {
  addressOf,
  countWithin,
  type Draft,
  type EndpointDraft,
  endpointsOf,
  freeName,
  type ServiceDraft,
} from './draft.ts';
import { sourceOf, timeOf, wordsOf } from './nginx-values.ts';
import type { Statement } from './statement.ts';

/** A group of servers that was declared, and the service that it becomes once something sends to it. */
export interface Upstreams {
  /** The service of a destination: an upstream by name, or HOST:PORT. Undefined: it is none that a policy can hold. */
  service(target: string, port: number, protocol: ServiceDraft['protocol'], at: Statement): string | undefined;
  /** Declares those that nothing sends to. */
  finish(): void;
}

export function upstreamsOf(draft: Draft, declared: readonly Statement[]): Upstreams {
  const blocks = new Map<Statement, string>();
  const direct = new Map<string, string>();
  const byName = new Map(declared.map(each => [each.args[0] ?? '', each]));
  const { services, notes } = draft;
  const declare = (block: Statement, protocol: ServiceDraft['protocol']): string => {
    const name = freeName(draft, 'services', block.args[0] ?? 'upstream');
    blocks.set(block, name);
    notes.became(block, ['services', name]);
    services[name] = {};
    services[name] = upstreamService(draft, name, block, protocol);
    return name;
  };
  return {
    service: (target, port, protocol, at) => {
      const block = byName.get(target);
      if (block) {
        const name = blocks.get(block) ?? declare(block, protocol);
        const spoken = services[name]?.protocol ?? 'http';
        if (spoken === (protocol ?? 'http')) return name;
        notes.left(
          at,
          ['services', name],
          `its servers are spoken ${spoken} to elsewhere`,
          'declare a second upstream',
        );
        return undefined;
      }
      const address = addressOf(target, port);
      if (address === undefined) return undefined;
      const key = `${protocol} ${address}`;
      const known = direct.get(key) ?? freeName(draft, 'services', address.replace(/^unix:/, ''));
      direct.set(key, known);
      services[known] ??= { ...spokenAs(protocol), endpoints: [{ address }], ...unbounded(protocol) };
      notes.became(at, ['services', known]);
      return known;
    },
    finish: () => {
      for (const each of declared) if (!blocks.has(each)) declare(each, undefined);
    },
  };
}

const spokenAs = (protocol: ServiceDraft['protocol']) => (protocol === undefined ? {} : { protocol });

/** nginx and HAProxy bound how long a request is silent, and not how long it takes. */
const unbounded = (protocol: ServiceDraft['protocol']) =>
  protocol === 'tcp' || protocol === 'udp' ? {} : { timeout: '0s' };

function upstreamService(
  draft: Draft,
  name: string,
  block: Statement,
  protocol: ServiceDraft['protocol'],
): ServiceDraft {
  const { notes } = draft;
  const path = ['services', name];
  const body = block.body ?? [];
  const servers = body.filter(each => each.name === 'server');
  const endpoints = endpointsOf(notes, path, servers, each => endpointOf(draft, path, each));
  const backups = endpoints.some(each => each.priority === 1);
  if (backups && endpoints.every(each => each.priority === 1 || each.state === 'disabled'))
    notes.changed(block, path, 'its backups get all requests, since all others are down');
  const words = servers.map(each => wordsOf(each.args.slice(1)));
  return {
    ...spokenAs(protocol),
    endpoints,
    loadBalancing: balancing(draft, path, body, words),
    ...(backups ? { failover: 'whenAllDown' as const } : {}),
    ...failures(draft, path, servers, words, { protocol, backups }),
    ...connections(draft, path, servers, words, body),
    ...unbounded(protocol),
  };
}

const serverWords = /^(weight|backup|down|max_fails|fail_timeout|max_conns|slow_start|resolve)$/;

function endpointOf({ notes }: Draft, path: readonly string[], server: Statement): EndpointDraft | undefined {
  const [target = '', ...args] = server.args;
  const words = wordsOf(args);
  const address = addressOf(target, 80);
  if (address === undefined) {
    notes.left(server, path, `${target} is no address that a policy takes`);
    return undefined;
  }
  const unknown = [...words.keys()].filter(each => !serverWords.test(each));
  if (unknown.length > 0) notes.changed(server, path, `${unknown.join(', ')} has no counterpart`);
  const weight = countWithin(notes, server, path, words.get('weight'), 1, 1000) ?? 1;
  return {
    address,
    ...(weight === 1 ? {} : { weight }),
    ...(words.has('backup') ? { priority: 1 } : {}),
    ...(words.has('down') ? { state: 'disabled' as const } : {}),
  };
}

type Words = readonly ReadonlyMap<string, string>[];

function balancing({ notes }: Draft, path: readonly string[], body: readonly Statement[], words: Words) {
  const slow = timeOf(words.map(each => each.get('slow_start')).find(each => each !== undefined));
  const slowStart = slow === undefined || slow === '0s' ? {} : { slowStart: slow };
  const round = { policy: 'roundRobin' as const, ...slowStart };
  const at = body.find(each => /^(least_conn|least_time|ip_hash|hash|random)$/.test(each.name));
  if (!at) return round;
  notes.take(at);
  const [first = '', ...more] = at.args;
  // Among unequal weights no choices are counted.
  const all = new Set(words.map(each => each.get('weight') ?? '1')).size > 1 ? {} : { choiceCount: 'all' as const };
  if (at.name === 'least_conn') return { policy: 'leastRequest' as const, ...all, ...slowStart };
  if (at.name === 'random') {
    if (first !== 'two') return { policy: 'random' as const };
    if (more.some(each => each.startsWith('least_time'))) {
      notes.changed(at, path, 'of two servers the one with the fewest active requests is taken');
    }
    return { policy: 'leastRequest' as const, ...slowStart };
  }
  if (at.name === 'least_time') {
    notes.changed(at, path, 'the fewest active requests count, not the time of answers');
    return { policy: 'leastRequest' as const, ...all, ...slowStart };
  }
  if (at.name === 'ip_hash') {
    notes.changed(at, path, 'all of the IP address is hashed, not the first three numbers of IPv4');
    return { policy: 'maglev' as const, hashBy: [{ sourceIp: true as const }] };
  }
  const source = sourceOf(first);
  if (!source) {
    notes.left(
      at,
      path,
      `${first} cannot be hashed by`,
      'a policy hashes by header, query parameter, cookie or IP address',
    );
    return round;
  }
  return { policy: more.includes('consistent') ? ('ringHash' as const) : ('maglev' as const), hashBy: [source] };
}

/** How many answers in a row take a server out, and for how long. */
function failures(
  { notes }: Draft,
  path: readonly string[],
  servers: readonly Statement[],
  words: Words,
  { protocol, backups }: { readonly protocol: ServiceDraft['protocol']; readonly backups: boolean },
): Partial<ServiceDraft> {
  if (protocol === 'udp') return {};
  const counts = words.map(each => Number(each.get('max_fails') ?? Number.NaN));
  const times = words.map(each => timeOf(each.get('fail_timeout')));
  const given = counts.filter(each => Number.isInteger(each) && each >= 0);
  const time = times.find(each => each !== undefined && each !== '0s');
  // A backup takes over once all others have failed, which nothing else finds out.
  if (given.length === 0 && time === undefined && !backups) return {};
  for (const [index, each] of servers.entries()) {
    if (String(counts[index]) !== String(counts[0]) || times[index] !== times[0]) {
      notes.changed(each, path, 'the smallest max_fails and the first fail_timeout hold for all servers');
    }
  }
  const some = given.filter(each => each > 0);
  if (given.length > 0 && some.length === 0) return { outlierDetection: 'off' };
  return {
    outlierDetection: {
      consecutiveGatewayErrors: some.length > 0 ? Math.min(...some) : 1,
      baseEjection: time ?? '10s',
      maxEjected: '100%',
    },
  };
}

function connections(
  { notes }: Draft,
  path: readonly string[],
  servers: readonly Statement[],
  words: Words,
  body: readonly Statement[],
): Partial<ServiceDraft> {
  const bounds = words.map(each => Number(each.get('max_conns') ?? 0));
  const [first = 0] = bounds;
  const alike = bounds.every(each => each === first);
  for (const [index, each] of servers.entries()) {
    if (!alike && bounds[index]) notes.changed(each, path, 'max_conns is left out, since it differs between servers');
  }
  const idle = body.find(each => each.name === 'keepalive_timeout');
  const most = body.find(each => each.name === 'keepalive_requests');
  const sticky = body.find(each => each.name === 'sticky' && each.args[0] === 'cookie');
  const cookie = sticky && sessionOf(sticky);
  const idleTimeout = timeOf(idle?.args[0]);
  const maxRequests = Number(most?.args[0] ?? 0);
  notes.take(...[idle, most, cookie ? sticky : undefined].filter(each => each !== undefined));
  const kept = {
    ...(idleTimeout === undefined || idleTimeout === '0s' ? {} : { idleTimeout }),
    ...(maxRequests > 0 ? { maxRequests } : {}),
  };
  return {
    ...(cookie ? { sessions: { cookie } } : {}),
    ...(alike && first > 0 ? { circuitBreakers: { maxConnectionsPerEndpoint: first } } : {}),
    ...(Object.keys(kept).length > 0 ? { connections: kept } : {}),
  };
}

function sessionOf({ args }: Statement) {
  const [, name, ...rest] = args;
  if (name === undefined || !/^[\w.-]+$/.test(name)) return undefined;
  const words = wordsOf(rest);
  const ttl = timeOf(words.get('expires'));
  const attributes = {
    ...(words.has('secure') ? { Secure: '' } : {}),
    ...(words.has('domain') ? { Domain: words.get('domain') ?? '' } : {}),
    ...(words.has('samesite') ? { SameSite: words.get('samesite') ?? '' } : {}),
  };
  return {
    name,
    ...(ttl === undefined ? {} : { ttl }),
    ...(words.has('path') ? { path: words.get('path') ?? '/' } : {}),
    ...(Object.keys(attributes).length > 0 ? { attributes } : {}),
  };
}
