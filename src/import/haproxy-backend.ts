import { addressOf, type Draft, type EndpointDraft, type ServiceDraft } from './draft.ts';
import type { Statement } from './statement.ts';

/** A time of HAProxy as a duration: `5000` is milliseconds; undefined: it is none. */
export function timeOf(text: string | undefined): string | undefined {
  if (text === undefined || !/^\d{1,10}(ms|s|m|h|d)?$/.test(text)) return undefined;
  const duration = /\d$/.test(text) ? `${text}ms` : text;
  return /^0+[a-z]+$/.test(duration) ? '0s' : duration;
}

/** Lines of a section and of the defaults before it; the section's own count last. */
export const lastOf = (lines: readonly Statement[], ...words: readonly string[]): Statement | undefined =>
  lines.findLast(each => words.every((word, index) => [each.name, ...each.args][index] === word));

interface Server {
  readonly at: Statement;
  readonly address: string;
  readonly words: ReadonlyMap<string, string>;
}

/** Words after a server's address that a value follows. */
const valued = new Set(
  'weight inter fastinter downinter rise fall cookie maxconn slowstart port addr minconn maxqueue id ca-file crt verify sni alpn check-sni resolvers init-addr resolve-prefer observe on-error on-marked-down on-marked-up error-limit source track proto namespace pool-max-conn pool-purge-delay send-proxy-v2-options'.split(
    ' ',
  ),
);
const known =
  /^(check|weight|inter|fastinter|downinter|rise|fall|backup|disabled|enabled|cookie|maxconn|slowstart|port|addr|resolvers|init-addr|resolve-prefer|id)$/;

/** The service of a backend. `defaults` stand before the section's own lines. */
export function backendService(draft: Draft, name: string, lines: readonly Statement[], tcp: boolean): ServiceDraft {
  const path = ['services', name];
  const base = lastOf(lines, 'default-server');
  if (base) draft.notes.take(...lines.filter(each => each.name === 'default-server'));
  const servers = lines
    .filter(each => each.name === 'server')
    .flatMap(each => serverOf(draft, path, each, base?.args ?? []) ?? []);
  const backups = servers.filter(each => each.words.has('backup'));
  const together = lastOf(lines, 'option', 'allbackups');
  if (together) draft.notes.take(together);
  const checked = servers.filter(each => each.words.has('check'));
  const endpoints = servers.map(each => {
    const order = backups.indexOf(each) + 1;
    return endpointOf(draft, path, each, together ? Math.min(order, 1) : Math.min(order, 15), checked.length > 0);
  });
  return {
    ...(tcp ? { protocol: 'tcp' as const } : {}),
    endpoints,
    loadBalancing: balancing(draft, path, lines, servers),
    ...(backups.length > 0 ? { failover: 'whenAllDown' as const } : {}),
    ...sessions(draft, path, lines, servers),
    ...(checked.length > 0 ? { healthCheck: checkOf(draft, path, lines, checked, tcp) } : {}),
    ...bounds(draft, path, servers),
    ...times(draft, lines),
    ...retries(draft, lines, tcp),
    ...(tcp ? {} : { timeout: '0s' }),
  };
}

function serverOf(
  { notes }: Draft,
  path: readonly string[],
  at: Statement,
  base: readonly string[],
): Server | undefined {
  notes.take(at);
  const [, target = '', ...own] = at.args;
  const words = new Map<string, string>();
  const all = [...base, ...own];
  for (let index = 0; index < all.length; index += 1) {
    const word = all[index] ?? '';
    words.set(word, valued.has(word) ? (all[++index] ?? '') : '');
  }
  const address = addressOf(
    target
      .replace(/^(ipv4|ipv6)@/, '')
      .replace(/^unix@/, 'unix:')
      .replace(/^\//, 'unix:/'),
    80,
  );
  if (address === undefined) {
    notes.left(at, path, `${target} is no address that a policy takes`);
    return undefined;
  }
  const unknown = [...words.keys()].filter(each => !known.test(each));
  if (words.has('ssl'))
    notes.changed(at, path, 'connections to it are without TLS', 'put what speaks TLS beside the application');
  else if (unknown.length > 0) notes.changed(at, path, `${unknown.join(', ')} has no counterpart`);
  return { at, address, words };
}

function endpointOf(
  { notes }: Draft,
  path: readonly string[],
  { at, address, words }: Server,
  priority: number,
  checks: boolean,
): EndpointDraft {
  const weight = Number(words.get('weight') ?? 1);
  const port = Number(words.get('port') ?? 0);
  if (words.has('addr')) notes.changed(at, path, 'addr of its check is left out');
  const healthCheck = checks && !words.has('check') ? ('off' as const) : port > 0 ? { port } : undefined;
  const state = words.has('disabled') ? ('disabled' as const) : weight === 0 ? ('draining' as const) : undefined;
  return {
    address,
    ...(weight > 1 && weight <= 256 ? { weight } : {}),
    ...(priority > 0 ? { priority } : {}),
    ...(state ? { state } : {}),
    ...(healthCheck ? { healthCheck } : {}),
  };
}

function balancing({ notes }: Draft, path: readonly string[], lines: readonly Statement[], servers: readonly Server[]) {
  const at = lastOf(lines, 'balance');
  const type = lastOf(lines, 'hash-type');
  const slow = timeOf(servers.find(each => each.words.has('slowstart'))?.words.get('slowstart'));
  const slowStart = slow === undefined || slow === '0s' ? {} : { slowStart: slow };
  const round = { policy: 'roundRobin' as const, ...slowStart };
  notes.take(...[at, type].filter(each => each !== undefined));
  const [how = 'roundrobin', argument = ''] = at?.args ?? [];
  if (!at || how === 'roundrobin' || how === 'static-rr') return round;
  // Among unequal weights no choices are counted.
  const all =
    new Set(servers.map(each => each.words.get('weight') ?? '1')).size > 1 ? {} : { choiceCount: 'all' as const };
  if (how === 'leastconn') return { policy: 'leastRequest' as const, ...all, ...slowStart };
  if (/^random(\(\d+\))?$/.test(how)) return { policy: 'leastRequest' as const, ...slowStart };
  const [, header] = /^hdr\(([\w-]+)\)$/.exec(how) ?? [];
  const [, , parameter = argument] = /^(url_param)\(([^)]*)\)$/.exec(how) ?? [];
  const source =
    how === 'source'
      ? { sourceIp: true as const }
      : header !== undefined
        ? { header: header.toLowerCase() }
        : how.startsWith('url_param') && parameter !== ''
          ? { query: parameter }
          : undefined;
  if (!source) {
    notes.left(at, path, `a policy does not balance by ${how}`, 'requests go to one server after the other');
    return round;
  }
  return { policy: type?.args[0] === 'consistent' ? ('ringHash' as const) : ('maglev' as const), hashBy: [source] };
}

function sessions(
  { notes }: Draft,
  path: readonly string[],
  lines: readonly Statement[],
  servers: readonly Server[],
): Partial<ServiceDraft> {
  const at = lastOf(lines, 'cookie');
  const [name = '', ...words] = at?.args ?? [];
  if (!at || !servers.some(each => each.words.has('cookie'))) return {};
  if (!words.includes('insert') || !/^[\w.-]+$/.test(name)) {
    notes.left(at, path, 'callers are bound by a cookie that is inserted', 'see sessions.cookie');
    return {};
  }
  notes.take(at);
  const unknown = words.filter(each => !/^(insert|indirect|nocache|httponly|secure|preserve|dynamic)$/.test(each));
  if (unknown.length > 0) notes.changed(at, path, `${unknown.join(' ')} has no counterpart`);
  return { sessions: { cookie: { name, ...(words.includes('secure') ? { attributes: { Secure: '' } } : {}) } } };
}

function checkOf(
  { notes }: Draft,
  path: readonly string[],
  lines: readonly Statement[],
  servers: readonly Server[],
  tcp: boolean,
): NonNullable<ServiceDraft['healthCheck']> {
  const option = lastOf(lines, 'option', 'httpchk');
  const timeout = timeOf(lastOf(lines, 'timeout', 'check')?.args[1]);
  notes.take(...lines.filter(each => each.name === 'timeout' && each.args[0] === 'check'));
  const word = (name: string) => servers.map(each => each.words.get(name)).find(each => each !== undefined);
  const interval = timeOf(word('inter'));
  const edgeInterval = timeOf(word('fastinter'));
  const unhealthyInterval = timeOf(word('downinter'));
  const [rise, fall] = [Number(word('rise') ?? 0), Number(word('fall') ?? 0)];
  for (const each of servers) {
    if (['inter', 'rise', 'fall'].some(name => each.words.get(name) !== word(name)))
      notes.changed(each.at, path, 'all servers are checked at the pace of the first');
  }
  return {
    ...(option && !tcp ? { http: httpCheck(notes, path, lines, option) } : { tcp: {} }),
    profile: 'standard',
    ...(interval === undefined ? {} : { interval }),
    ...(edgeInterval === undefined ? {} : { edgeInterval }),
    ...(unhealthyInterval === undefined ? {} : { unhealthyInterval }),
    ...(timeout === undefined ? (interval === undefined ? {} : { timeout: interval }) : { timeout }),
    ...(rise > 0 ? { healthyAfter: rise } : {}),
    ...(fall > 0 ? { unhealthyAfter: fall } : {}),
  };
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH'] as const;

function httpCheck(notes: Draft['notes'], path: readonly string[], lines: readonly Statement[], option: Statement) {
  notes.take(...lines.filter(each => each.name === 'option' && each.args[0] === 'httpchk'));
  const [, first, second, version] = option.args;
  let method = second === undefined ? 'OPTIONS' : (first ?? 'OPTIONS');
  let uri = second ?? first ?? '/';
  let host = /host:\s*([^\s\\]+)/i.exec(version ?? option.args.join(' '))?.[1];
  let expect = ['200-399'];
  for (const each of lines.filter(line => line.name === 'http-check')) {
    const [kind, ...words] = each.args;
    const after = (name: string) => (words.includes(name) ? words[words.indexOf(name) + 1] : undefined);
    if (kind === 'send') {
      method = after('meth') ?? 'GET';
      uri = after('uri') ?? uri;
      if (words[words.indexOf('hdr') + 1]?.toLowerCase() === 'host') host = words[words.indexOf('hdr') + 2];
      notes.take(each);
    } else if (
      kind === 'expect' &&
      words[0] === 'status' &&
      /^\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*$/.test(words[1] ?? '')
    ) {
      expect = (words[1] ?? '').split(',');
      notes.take(each);
    } else if (kind === 'disable-on-404') {
      notes.left(each, path, 'a check finds an endpoint healthy or not');
    } else {
      notes.left(each, path);
    }
  }
  const usual = methods.find(each => each === method.toUpperCase());
  return { path: uri, method: usual ?? ('GET' as const), ...(host === undefined ? {} : { host }), expect };
}

function bounds({ notes }: Draft, path: readonly string[], servers: readonly Server[]): Partial<ServiceDraft> {
  const all = servers.map(each => Number(each.words.get('maxconn') ?? 0));
  const [first = 0] = all;
  if (all.every(each => each === first))
    return first > 0 ? { circuitBreakers: { maxConnectionsPerEndpoint: first } } : {};
  for (const each of servers)
    if (each.words.has('maxconn'))
      notes.changed(each.at, path, 'maxconn is left out, since it differs between servers');
  return {};
}

function times({ notes }: Draft, lines: readonly Statement[]): Partial<ServiceDraft> {
  const time = timeOf(lastOf(lines, 'timeout', 'connect')?.args[1]);
  if (time === undefined || time === '0s') return {};
  notes.take(...lines.filter(each => each.name === 'timeout' && each.args[0] === 'connect'));
  return { connectTimeout: time };
}

function retries({ notes }: Draft, lines: readonly Statement[], tcp: boolean): Partial<ServiceDraft> {
  const at = lastOf(lines, 'retries');
  const number = Number(at?.args[0] ?? Number.NaN);
  if (!at || tcp || !Number.isInteger(number)) return {};
  notes.take(...lines.filter(each => each.name === 'retries'));
  return { retries: { attempts: Math.min(10, number) } };
}
