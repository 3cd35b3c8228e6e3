import {
  addressOf,
  countWithin,
  type Draft,
  type EndpointDraft,
  endpointsOf,
  isFraming,
  isHeaderName,
  type ServiceDraft,
  timeWithin,
} from './draft.ts';
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
  const backups = new Map(servers.filter(each => each.words.has('backup')).map((each, index) => [each, index + 1]));
  const byLine = new Map(servers.map(each => [each.at, each]));
  const together = lastOf(lines, 'option', 'allbackups');
  if (together) draft.notes.take(together);
  const checked = servers.filter(each => each.words.has('check'));
  const lowest = together ? 1 : 15;
  const endpoints = endpointsOf(draft.notes, path, [...byLine.keys()], line => {
    const each = byLine.get(line);
    const order = (each && backups.get(each)) ?? 0;
    if (order > 15 && !together) draft.notes.changed(line, path, 'it steps in together with the fifteenth backup');
    return each && endpointOf(draft, path, each, Math.min(order, lowest), checked.length > 0);
  });
  return {
    ...(tcp ? { protocol: 'tcp' as const } : {}),
    endpoints,
    loadBalancing: balancing(draft, path, lines, servers),
    ...(backups.size > 0 ? { failover: 'whenAllDown' as const } : {}),
    ...sessions(draft, path, lines, servers),
    ...(checked.length > 0 ? { healthCheck: checkOf(draft, path, lines, checked, tcp) } : {}),
    ...bounds(draft, path, servers),
    ...times(draft, path, lines),
    ...retries(draft, path, lines, tcp),
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
  if (!target.includes('/') && !/:\d+$/.test(target))
    notes.changed(
      at,
      path,
      `its port is ${address.replace(/^.*:/, '')}, as none is written`,
      'HAProxy sends to the port that the caller asked',
    );
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
  const weight = countWithin(notes, at, path, words.get('weight'), 0, 256) ?? 1;
  const port = countWithin(notes, at, path, words.get('port'), 1, 65_535) ?? 0;
  if (words.has('addr')) notes.changed(at, path, 'addr of its check is left out');
  const healthCheck = checks && !words.has('check') ? ('off' as const) : port > 0 ? { port } : undefined;
  const state = words.has('disabled') ? ('disabled' as const) : weight === 0 ? ('draining' as const) : undefined;
  return {
    address,
    ...(weight > 1 ? { weight } : {}),
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
  const [first] = servers;
  const paced = (name: string) => first && timeWithin(notes, first.at, path, timeOf(word(name)), 1, 86_400_000);
  const counted = (name: string) => first && countWithin(notes, first.at, path, word(name), 1, 100);
  const [interval, edgeInterval, unhealthyInterval] = [paced('inter'), paced('fastinter'), paced('downinter')];
  const [rise, fall] = [counted('rise'), counted('fall')];
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
    ...(rise === undefined ? {} : { healthyAfter: rise }),
    ...(fall === undefined ? {} : { unhealthyAfter: fall }),
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
  const headers: Record<string, string> = {};
  for (const each of lines.filter(line => line.name === 'http-check')) {
    const [kind, ...words] = each.args;
    const after = (name: string) => (words.includes(name) ? words[words.indexOf(name) + 1] : undefined);
    if (kind === 'send') {
      method = after('meth') ?? 'GET';
      uri = after('uri') ?? uri;
      notes.take(each);
      for (const [index, word] of words.entries()) {
        const [name = '', value = ''] = words.slice(index + 1, index + 3);
        if (word !== 'hdr') continue;
        if (name.toLowerCase() === 'host') host = value;
        else if (isHeaderName(name) && !isFraming(name)) headers[name.toLowerCase()] = value.replaceAll('%', '%%');
        else notes.changed(each, path, `the header ${name} is left out`);
      }
      if (words.includes('body')) notes.changed(each, path, 'checks are sent without a body');
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
  if (!usual) notes.changed(option, path, `checks ask by GET, not by ${method}`);
  return {
    path: uri,
    method: usual ?? ('GET' as const),
    ...(host === undefined ? {} : { host }),
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
    expect,
  };
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

function times({ notes }: Draft, path: readonly string[], lines: readonly Statement[]): Partial<ServiceDraft> {
  const at = lastOf(lines, 'timeout', 'connect');
  const time = at && timeWithin(notes, at, path, timeOf(at.args[1]), 1, 60_000);
  if (time === undefined) return {};
  notes.take(...lines.filter(each => each.name === 'timeout' && each.args[0] === 'connect'));
  return { connectTimeout: time };
}

function retries(
  { notes }: Draft,
  path: readonly string[],
  lines: readonly Statement[],
  tcp: boolean,
): Partial<ServiceDraft> {
  const at = lastOf(lines, 'retries');
  const attempts = at && !tcp ? countWithin(notes, at, path, at.args[0], 0, 10) : undefined;
  if (attempts === undefined) return {};
  notes.take(...lines.filter(each => each.name === 'retries'));
  return { retries: { attempts } };
}
