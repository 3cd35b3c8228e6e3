import { dirname, isAbsolute, join } from 'node:path';
import { parseAddress } from '../base/address.ts';
import {
  type Draft,
  freeName,
  gatewayFor,
  type ListenerDraft,
  newDraft,
  noPort,
  noTls,
  notImported,
  type RuleDraft,
  timeWithin,
} from './draft.ts';
import { answersAlone, movedRules } from './nginx-answer.ts';
import { answersOfIf } from './nginx-if.ts';
import { readNginx } from './nginx-lexer.ts';
import { closes, pathOf, rulesOf } from './nginx-location.ts';
import { type Making, type Match, when } from './nginx-making.ts';
import { type Upstreams, upstreamsOf } from './nginx-upstream.ts';
import { Scope, timeOf } from './nginx-values.ts';
import type { Absent } from './notes.ts';
import type { Imported } from './policy-text.ts';
import { Reader } from './reader.ts';
import { imported, refused } from './sound.ts';
import { type ImportFiles, importLimits, type Statement } from './statement.ts';

/** What nginx configurations come to as a policy. Files without `http` around them count as a part of `http`. */
export function importNginx(files: ImportFiles, names: readonly string[]): Imported {
  const reader = new Reader(files, readNginx);
  const all = names.flatMap(name => included(reader, reader.file(name), dirname(name), [name]));
  if (reader.problem) return refused(reader.problem);
  const draft = newDraft();
  const { notes } = draft;
  const https = all.filter(each => each.name === 'http');
  const streams = all.filter(each => each.name === 'stream');
  notes.take(...https, ...streams);
  const loose = all.some(each => /^(server|upstream|map|split_clients)$/.test(each.name));
  const http = new Scope([...https.flatMap(each => each.body ?? []), ...(loose ? all : [])], new Scope(all));
  const stream = new Scope(streams.flatMap(each => each.body ?? []));
  const upstreams = upstreamsOf(draft, http.own('upstream'));
  httpServers({ draft, upstreams, splits: http.own('split_clients'), maps: http.own('map'), http });
  upstreams.finish();
  const tcp = upstreamsOf(draft, stream.own('upstream'));
  for (const each of stream.own('server')) streamServer(draft, tcp, each);
  tcp.finish();
  connectTimeouts(draft, http);
  return imported(draft, all, about);
}

/** Follows includes. `around`: the files that include this one, from the outermost. */
function included(
  reader: Reader,
  statements: readonly Statement[],
  root: string,
  around: readonly string[],
): readonly Statement[] {
  return statements.flatMap(each => {
    if (!reader.counts(each)) return [];
    const [target] = each.args;
    // Types of media have nothing to do with routing, and seldom stand beside a copy of the configuration.
    if (each.name !== 'include' || target === undefined || /(^|\/)mime\.types$/.test(target))
      return [each.body ? { ...each, body: included(reader, each.body, root, around) } : each];
    if (around.length >= importLimits.depth)
      return reader.fail(each, `files include each other more than ${importLimits.depth} deep`);
    return reader.match(isAbsolute(target) ? target : join(root, target), each).flatMap(file => {
      if (around.includes(file)) return reader.fail(each, `${file} includes itself`);
      return included(reader, reader.file(file, each), root, [...around, file]);
    });
  });
}

interface Listen {
  readonly gateway: string;
  readonly isDefault: boolean;
}

/** What all servers are made with. */
type Servers = Omit<Making, 'path' | 'serverName'> & { readonly http: Scope };

function httpServers(making: Servers): void {
  const { draft, http } = making;
  const { notes } = draft;
  const servers = http.own('server');
  const first = new Map<string, Statement>();
  const listens = new Map<Statement, readonly Listen[]>();
  const tls = tlsPorts(servers, http);
  for (const server of servers) {
    notes.take(server);
    const own = listensOf(draft, server, 'http', tls);
    listens.set(server, own);
    for (const each of own) if (each.isDefault || !first.has(each.gateway)) first.set(each.gateway, server);
  }
  const taken = new Set<string>();
  for (const server of servers) {
    const gateways = [...new Set((listens.get(server) ?? []).map(each => each.gateway))];
    if (gateways.length === 0) {
      notes.leftWhole(server, [], noPort);
      continue;
    }
    const isFirst = (gateway: string) => first.get(gateway) === server;
    const names = serverNames(draft, server);
    const made = [
      httpRoute(making, server, { gateways: gateways.filter(isFirst), hosts: ['*', ...names], taken }),
      httpRoute(making, server, { gateways: gateways.filter(each => !isFirst(each)), hosts: names, taken }),
    ];
    if (!made.includes(true))
      notes.leftWhole(server, ['gateways', gateways[0] ?? ''], 'no request reaches it: each goes to another server');
  }
}

/** What a server does on some of its ports. False: nothing, since other servers have its names. */
function httpRoute(
  making: Servers,
  server: Statement,
  asked: { readonly gateways: readonly string[]; readonly hosts: readonly string[]; readonly taken: Set<string> },
): boolean {
  const { draft } = making;
  const { gateways, taken } = asked;
  if (gateways.length === 0) return false;
  const isFree = (host: string) => !gateways.some(each => taken.has(`${each} ${host}`));
  const hosts = asked.hosts.filter(isFree);
  const lost = asked.hosts.filter(each => !isFree(each));
  if (lost.length > 0) draft.notes.changed(server, [], `${lost.join(', ')} is another server's already`);
  if (hosts.length === 0) return false;
  for (const each of gateways) for (const host of hosts) taken.add(`${each} ${host}`);
  const named = asked.hosts.find(each => each !== '*')?.replace(/^\*\./, '');
  const name = freeName(draft, 'routes', named ?? gateways[0] ?? 'server');
  const path = ['routes', name];
  // Names of services that its rules send to are looked up before the route is there.
  const serverName = serverNames(draft, server).find(each => !each.includes('*'));
  const rules = serverRules({ ...making, path, serverName }, server);
  if (rules.length > importLimits.rules) {
    draft.notes.leftWhole(server, [], `it comes to more than ${importLimits.rules} rules`);
    return true;
  }
  draft.routes[name] = { gateways: [...gateways], hosts, rules: [...rules] };
  draft.notes.became(server, path);
  return true;
}

function serverNames({ notes }: Draft, server: Statement): readonly string[] {
  const said = (server.body ?? []).filter(each => each.name === 'server_name');
  notes.take(...said);
  const names = said.flatMap(each =>
    each.args.flatMap(name => {
      if (name === '_' || name === '') return [];
      if (name.length <= 250) {
        if (/^\.[a-z0-9.-]+$/i.test(name)) return [name.slice(1).toLowerCase(), `*${name.toLowerCase()}`];
        if (/^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(name)) return [name.toLowerCase()];
      }
      notes.changed(each, [], `${name} is left out`, 'hosts are names, *.example.com or *');
      return [];
    }),
  );
  return [...new Set(names)];
}

/** Words of `listen` that say how the port is opened, which Envoy decides by itself. */
const openingWords =
  /^(default_server|default|udp|http2|reuseport|deferred|bind|fastopen=.*|backlog=.*|rcvbuf=.*|sndbuf=.*|so_keepalive=.*|ipv6only=(on|off))$/;

const targetsOf = (server: Statement): readonly Statement[] => {
  const said = (server.body ?? []).filter(each => each.name === 'listen');
  return said.length > 0 ? said : [{ ...server, name: 'listen', args: ['80'] }];
};

const portKey = ({ address = '', port }: NonNullable<ReturnType<typeof listenerOf>>) => `${address} ${port}`;

/** Ports that speak TLS: what one server says of a port holds for all that share it. */
function tlsPorts(servers: readonly Statement[], around: Scope): ReadonlySet<string> {
  const tls = servers.flatMap(server => {
    const on = new Scope(server.body ?? [], around).get('ssl')?.args[0] === 'on';
    const said = targetsOf(server).filter(each => on || each.args.includes('ssl'));
    return said.flatMap(each => listenerOf(each.args[0] ?? '') ?? []);
  });
  return new Set(tls.map(portKey));
}

/** The ports of a server; nginx without one listens on port 80. */
function listensOf(draft: Draft, server: Statement, kind: 'http' | 'tcp', tls: ReadonlySet<string>): readonly Listen[] {
  const { notes } = draft;
  return targetsOf(server).flatMap(each => {
    notes.take(each);
    const [target = '', ...words] = each.args;
    const place = listenerOf(target);
    if (!place || tls.has(portKey(place)) || words.some(word => word === 'ssl' || word === 'quic')) {
      if (place) notes.left(each, [], ...noTls);
      else notes.left(each, [], 'a gateway listens on an IP address and a port');
      return [];
    }
    const protocol = words.includes('udp') ? 'udp' : kind;
    const both = place.address === '::' && words.includes('ipv6only=off');
    return [...(both ? [{ port: place.port }] : []), place].flatMap(one => {
      const listener = { ...one, protocol, ...(protocol === 'http' ? {} : { to: [] }) } as ListenerDraft;
      const gateway = gatewayFor(draft, listener, each);
      if (gateway === undefined) return [];
      const unknown = words.filter(word => !openingWords.test(word));
      if (unknown.length > 0) notes.changed(each, ['gateways', gateway], `${unknown.join(', ')} has no counterpart`);
      return [{ gateway, isDefault: words.includes('default_server') || words.includes('default') }];
    });
  });
}

function listenerOf(target: string): { readonly port: number; readonly address?: string } | undefined {
  const [, host = '*', port = '80'] = /^\d+$/.test(target)
    ? ['', '*', target]
    : (/^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(target) ?? ['', '?']);
  const plain = host === '*' ? '0.0.0.0' : host.replace(/^localhost$/, '127.0.0.1');
  const address = parseAddress(`${plain}:${Number(port)}`);
  if (address?.kind !== 'ip') return undefined;
  return { port: address.port, ...(address.ip === '0.0.0.0' ? {} : { address: address.ip }) };
}

interface Located {
  readonly location: Statement;
  readonly match: Match;
}

function serverRules(making: Making & Servers, server: Statement): readonly RuleDraft[] {
  const { draft, path: route } = making;
  const scope = new Scope(server.body ?? [], making.http);
  const moved = movedRules(making, scope);
  const locations = scope.own('location');
  // What a server returns comes before its locations.
  if (answersAlone(scope)) {
    for (const each of locations) draft.notes.leftWhole(each, route, 'the server answers before it looks for it');
    return [...moved, ...rulesOf(making, scope, {}, server)];
  }
  const first = answersOfIf(making, scope, {});
  if (first.closed) {
    for (const each of locations) draft.notes.leftWhole(each, route, 'the server closes before it looks for it');
    return [...moved, ...first.rules];
  }
  draft.notes.take(...locations);
  // What is longer than a route can be is not put in order.
  const located = locations.slice(0, importLimits.rules + 1).flatMap(location => {
    const match = pathOf(making, location);
    return match ? [{ location, match }] : [];
  });
  const rules: RuleDraft[] = [...moved, ...first.rules];
  let closed = false;
  for (const { location, match } of ordered(making, located)) {
    const path = [...route, 'rules', rules.length];
    if (closed) {
      draft.notes.leftWhole(location, route, 'an expression before it that is not taken closes it');
      continue;
    }
    draft.notes.became(location, path);
    if (closes(making, location)) {
      rules.push({ ...when(match), respond: notImported(`${location.file}:${location.line}`) });
      closed = match.path === undefined;
      continue;
    }
    const made = rulesOf({ ...making, path }, new Scope(location.body ?? [], scope), match, location);
    for (const [index] of made.entries()) draft.notes.became(location, [...route, 'rules', rules.length + index]);
    rules.push(...made);
  }
  if (!located.some(each => each.match.path === undefined)) {
    const hint = 'nginx looks for a file then';
    draft.notes.changed(server, route, 'requests that no location takes are answered 404', hint);
    rules.push({ respond: { status: 404 } });
  }
  return rules;
}

/** As nginx looks for a location: equal, then those of `^~`, regular expressions in order, then the longest prefix. */
function ordered({ draft: { notes }, path }: Making, located: readonly Located[]): readonly Located[] {
  const kind = ({ location }: Located) => (location.args.length > 1 ? (location.args[0] ?? '') : '');
  const prefix = ({ match }: Located) => (typeof match.path === 'object' ? (match.path.prefix ?? '') : '');
  const longest = (list: readonly Located[]) => list.toSorted((a, b) => prefix(b).length - prefix(a).length);
  const regexes = located.filter(each => kind(each).startsWith('~'));
  const first = located.filter(each => kind(each) === '^~');
  const plain = located.filter(each => kind(each) === '');
  // A longer plain prefix must not be taken by a shorter one of `^~`.
  const inner = plain.filter(each => first.some(outer => prefix(each).startsWith(prefix(outer))));
  if (regexes.length > 0) {
    for (const each of inner) notes.changed(each.location, path, 'regular expressions do not win over it');
  }
  const rest = plain.filter(each => !inner.includes(each));
  return [
    ...located.filter(each => kind(each) === '='),
    ...longest([...first, ...inner]),
    ...regexes,
    ...longest(rest),
  ];
}

function streamServer(draft: Draft, upstreams: Upstreams, server: Statement): void {
  const { notes } = draft;
  const [pass] = (server.body ?? []).filter(each => each.name === 'proxy_pass');
  const udp = (server.body ?? []).some(each => each.name === 'listen' && each.args.includes('udp'));
  const service = pass && upstreams.service(pass.args[0] ?? '', 0, udp ? 'udp' : 'tcp', pass);
  if (!pass || service === undefined) {
    notes.leftWhole(server, [], 'it sends to nothing that a policy can hold');
    return;
  }
  notes.take(server, pass);
  const listens = listensOf(draft, server, 'tcp', new Set());
  if (listens.length === 0) notes.leftWhole(server, [], noPort);
  for (const { gateway } of listens) {
    notes.became(server, ['gateways', gateway]);
    for (const each of draft.gateways[gateway]?.listeners ?? []) if ('to' in each) each.to = [{ service }];
  }
}

/** The time to connect is a service's: that of the whole configuration holds for all. */
function connectTimeouts({ services, notes }: Draft, http: Scope): void {
  const said = http.all('proxy_connect_timeout');
  const last = said.at(-1);
  const time = last && timeWithin(notes, last, [], timeOf(last.args[0]), 1, 60_000);
  if (time === undefined) return;
  notes.take(...said);
  for (const each of Object.values(services)) each.connectTimeout = time;
}

const process = new Set(
  `user worker_processes worker_rlimit_nofile worker_cpu_affinity worker_shutdown_timeout pid events error_log access_log log_format daemon
  load_module include types default_type types_hash_max_size types_hash_bucket_size server_names_hash_bucket_size
  server_names_hash_max_size variables_hash_max_size map_hash_bucket_size map_hash_max_size sendfile tcp_nopush tcp_nodelay
  keepalive keepalive_timeout keepalive_requests reset_timedout_connection open_file_cache proxy_http_version proxy_buffering
  proxy_buffers proxy_buffer_size proxy_busy_buffers_size proxy_headers_hash_max_size proxy_headers_hash_bucket_size
  proxy_request_buffering proxy_socket_keepalive client_body_buffer_size zone resolver resolver_timeout server_tokens
  log_not_found log_subrequest working_directory lingering_close proxy_temp_path client_body_temp_path`.split(/\s+/),
);

const hints: Readonly<Record<string, string>> = {
  client_max_body_size: 'let the application bound what it takes',
  ssl_certificate: 'end TLS before the gateways',
  ssl_certificate_key: 'end TLS before the gateways',
  auth_basic_user_file: 'let the application ask, or something before the gateways',
  limit_req: 'see maxConnections, circuitBreakers and admissionControl',
  limit_conn: 'see maxConnections, circuitBreakers and admissionControl',
  allow: 'keep others out by a firewall',
  deny: 'those whom it names get through: keep them out by a firewall',
  if: 'write a rule with a match before the others',
  proxy_cache: 'nothing is cached',
  proxy_connect_timeout: 'say connectTimeout of the service',
  root: 'files are served by an application',
  try_files: 'files are served by an application',
  error_page: 'see fallback and maintenance',
};

function about({ name }: Statement): Absent {
  if (process.has(name)) return { about: 'process' };
  const hint = Object.hasOwn(hints, name) ? hints[name] : undefined;
  return { about: 'policy', ...(hint === undefined ? {} : { hint }) };
}
