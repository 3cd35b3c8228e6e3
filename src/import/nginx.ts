import { dirname, isAbsolute, join } from 'node:path';
import type { PolicyPath, Problem } from '../base/problem.ts';
import {
  addressOf,
  type Draft,
  freeName,
  gatewayFor,
  type ListenerDraft,
  noPort,
  noTls,
  policyOf,
  type RuleDraft,
} from './draft.ts';
import { readNginx } from './nginx-lexer.ts';
import { type Making, type Match, pathOf, rulesOf } from './nginx-location.ts';
import { type Upstreams, upstreamsOf } from './nginx-upstream.ts';
import { Scope } from './nginx-values.ts';
import { type Absent, Notes } from './notes.ts';
import type { Imported } from './policy-text.ts';
import { type ImportFiles, importLimits, placed, type SourcePlace, type Statement } from './statement.ts';

/** What nginx configurations come to as a policy. Files without `http` around them count as a part of `http`. */
export function importNginx(files: ImportFiles, names: readonly string[]): Imported {
  const reader = new Reader(files);
  const all = names.flatMap(name => reader.file(name, dirname(name), [], undefined));
  if (reader.problems.length > 0) return { policy: {}, problems: reader.problems, aside: [] };
  const notes = new Notes();
  const draft: Draft = { services: {}, gateways: {}, routes: {}, notes };
  const https = all.filter(each => each.name === 'http');
  const streams = all.filter(each => each.name === 'stream');
  notes.take(...https, ...streams);
  const loose = all.filter(each => /^(server|upstream|map|split_clients)$/.test(each.name));
  const paths = new Map<Statement, PolicyPath>();
  const main = new Scope(all);
  const http = [...https.flatMap(each => each.body ?? []), ...(loose.length > 0 ? all : [])];
  const stream = streams.flatMap(each => each.body ?? []);
  const upstreams = upstreamsOf(
    draft,
    http.filter(each => each.name === 'upstream'),
  );
  httpServers(draft, upstreams, new Scope(http, main), paths);
  upstreams.finish();
  const tcp = upstreamsOf(
    draft,
    stream.filter(each => each.name === 'upstream'),
  );
  for (const each of stream) if (each.name === 'server') streamServer(draft, tcp, each, paths);
  tcp.finish();
  for (const { blocks } of [upstreams, tcp]) for (const [block, name] of blocks) paths.set(block, ['services', name]);
  connectTimeouts(draft, http);
  notes.rest(all, block => paths.get(block), about);
  return { policy: policyOf(draft), problems: notes.problems, aside: notes.aside };
}

/** Follows includes. */
class Reader {
  readonly problems: Problem[] = [];
  readonly #files: ImportFiles;
  #read = 0;
  #statements = 0;

  constructor(files: ImportFiles) {
    this.#files = files;
  }

  file(path: string, root: string, around: readonly string[], at: SourcePlace | undefined): readonly Statement[] {
    if (around.includes(path)) return this.#fail(at, `${path} includes itself`);
    if (around.length >= importLimits.depth)
      return this.#fail(at, `files include each other more than ${importLimits.depth} deep`);
    this.#read += 1;
    if (this.#read > importLimits.files) return this.#fail(at, `there are more than ${importLimits.files} files`);
    const read = this.#files.read(path);
    if ('problem' in read) {
      this.problems.push(read.problem);
      return [];
    }
    const { statements, problems } = readNginx(path, read.text);
    this.problems.push(...problems);
    return this.#included(statements, root, [...around, path]);
  }

  #included(statements: readonly Statement[], root: string, around: readonly string[]): readonly Statement[] {
    return statements.flatMap(each => {
      if (this.problems.length > 0) return [];
      this.#statements += 1;
      if (this.#statements > importLimits.statements)
        return this.#fail(each, `there are more than ${importLimits.statements} directives`);
      if (each.name === 'include' && each.args[0] !== undefined) {
        // Types of media have nothing to do with routing, and seldom stand beside a copy of the configuration.
        if (/(^|\/)mime\.types$/.test(each.args[0])) return [each];
        const pattern = isAbsolute(each.args[0]) ? each.args[0] : join(root, each.args[0]);
        return this.#files.match(pattern).flatMap(file => this.file(file, root, around, each));
      }
      return [each.body ? { ...each, body: this.#included(each.body, root, around) } : each];
    });
  }

  #fail(at: SourcePlace | undefined, message: string): readonly Statement[] {
    this.problems.push(placed('import.unreadable', at ?? { file: '', line: 1, column: 1 }, message));
    return [];
  }
}

interface Listen {
  readonly gateway: string;
  readonly isDefault: boolean;
}

function httpServers(draft: Draft, upstreams: Upstreams, http: Scope, paths: Map<Statement, PolicyPath>): void {
  const servers = http.statements.filter(each => each.name === 'server');
  const first = new Map<string, Statement>();
  const hostsTaken = new Set<string>();
  const listens = new Map<Statement, readonly Listen[]>();
  for (const server of servers) {
    draft.notes.take(server);
    const own = listensOf(draft, server, 'http');
    if (own.length === 0) draft.notes.leftWhole(server, [], noPort);
    listens.set(server, own);
    for (const each of own) if (each.isDefault || !first.has(each.gateway)) first.set(each.gateway, server);
  }
  for (const server of servers) {
    const names = serverNames(draft, server);
    const ports = listens.get(server) ?? [];
    for (const isDefault of [true, false]) {
      const gateways = [...new Set(ports.map(each => each.gateway))].filter(
        each => (first.get(each) === server) === isDefault,
      );
      const free = [...names, ...(isDefault ? ['*'] : [])].filter(
        host => !gateways.some(each => hostsTaken.has(`${each} ${host}`)),
      );
      const lost = names.filter(host => !free.includes(host));
      if (lost.length > 0) draft.notes.changed(server, [], `${lost.join(', ')} is another server's already`);
      if (gateways.length === 0 || free.length === 0) continue;
      for (const each of gateways) for (const host of free) hostsTaken.add(`${each} ${host}`);
      const name = freeName(names[0]?.replace(/^\*\./, '') ?? gateways[0] ?? 'server', draft.routes);
      const path = ['routes', name];
      paths.set(server, path);
      draft.routes[name] = {
        gateways,
        hosts: free.includes('*') ? ['*', ...free.filter(each => each !== '*')] : free,
        rules: [],
      };
      draft.routes[name].rules = serverRules(draft, upstreams, http, server, path, paths);
    }
  }
}

function serverNames({ notes }: Draft, server: Statement): readonly string[] {
  const said = (server.body ?? []).filter(each => each.name === 'server_name');
  notes.take(...said);
  return [
    ...new Set(
      said.flatMap(each =>
        each.args.flatMap(name => {
          if (name === '_' || name === '') return [];
          if (/^\.[a-z0-9.-]+$/i.test(name)) return [name.slice(1).toLowerCase(), `*${name.toLowerCase()}`];
          if (/^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(name)) return [name.toLowerCase()];
          notes.changed(each, [], `${name} is left out`, 'hosts are names, *.example.com or *');
          return [];
        }),
      ),
    ),
  ];
}

/** The ports of a server; nginx without one listens on port 80. */
function listensOf(draft: Draft, server: Statement, kind: 'http' | 'tcp'): readonly Listen[] {
  const said = (server.body ?? []).filter(each => each.name === 'listen');
  const all = said.length > 0 ? said : [{ ...server, name: 'listen', args: ['80'] }];
  return all.flatMap(each => {
    draft.notes.take(each);
    const [target = '', ...words] = each.args;
    const listener = listenerOf(target);
    if (!listener) {
      draft.notes.left(each, [], 'a gateway listens on an IP address and a port');
      return [];
    }
    if (words.some(word => word === 'ssl' || word === 'quic')) {
      draft.notes.left(each, [], ...noTls);
      return [];
    }
    const protocol = words.includes('udp') ? 'udp' : kind;
    const gateway = gatewayFor(draft, {
      ...listener,
      protocol,
      ...(protocol === 'http' ? {} : { to: [] }),
    } as ListenerDraft);
    const path = ['gateways', gateway];
    if (words.includes('proxy_protocol')) draft.notes.changed(each, path, 'the PROXY protocol is not understood');
    return [{ gateway, isDefault: words.includes('default_server') || words.includes('default') }];
  });
}

function listenerOf(target: string): { readonly port: number; readonly address?: string } | undefined {
  if (/^\d{1,5}$/.test(target)) return { port: Number(target) };
  const [, host = '', port = '80'] = /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(target) ?? [];
  const address = host === '*' ? '0.0.0.0' : host === 'localhost' ? '127.0.0.1' : host.replace(/^\[(.*)\]$/, '$1');
  if (
    !/^(\d+\.){3}\d+$|:/.test(address) ||
    addressOf(host === '*' ? '0.0.0.0' : host.replace('localhost', '127.0.0.1'), Number(port)) === undefined
  )
    return undefined;
  return { port: Number(port), ...(address === '0.0.0.0' ? {} : { address }) };
}

interface Located {
  readonly location: Statement;
  readonly match: Match;
}

function serverRules(
  draft: Draft,
  upstreams: Upstreams,
  http: Scope,
  server: Statement,
  route: readonly string[],
  paths: Map<Statement, PolicyPath>,
): RuleDraft[] {
  const scope = new Scope(server.body ?? [], http);
  const shared = {
    draft,
    upstreams,
    splits: http.statements.filter(each => each.name === 'split_clients'),
    maps: http.statements.filter(each => each.name === 'map'),
  };
  const at: Making = { ...shared, path: route };
  // What a server returns comes before its locations.
  const alone = scope.statements.some(
    ({ name, args }) => name === 'return' || (name === 'rewrite' && /^(permanent|redirect)$/.test(args[2] ?? '')),
  );
  if (alone) return [...rulesOf(at, scope, {}, server)];
  const located = scope.statements.flatMap(location => {
    if (location.name !== 'location') return [];
    draft.notes.take(location);
    const match = pathOf(at, location);
    return match ? [{ location, match }] : [];
  });
  const rules: RuleDraft[] = [];
  for (const { location, match } of ordered(at, located)) {
    const path = [...route, 'rules', rules.length];
    paths.set(location, path);
    rules.push(...rulesOf({ ...shared, path }, new Scope(location.body ?? [], scope), match, location));
  }
  if (!located.some(each => each.match.path === undefined)) {
    draft.notes.changed(
      server,
      route,
      'requests that no location takes are answered 404',
      'nginx looks for a file then',
    );
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

function streamServer(draft: Draft, upstreams: Upstreams, server: Statement, paths: Map<Statement, PolicyPath>): void {
  const { notes } = draft;
  notes.take(server);
  const pass = (server.body ?? []).find(each => each.name === 'proxy_pass');
  const udp = (server.body ?? []).some(each => each.name === 'listen' && each.args.includes('udp'));
  const service = pass && upstreams.service(pass.args[0] ?? '', 0, udp ? 'udp' : 'tcp', pass);
  if (!pass || service === undefined) {
    notes.left(server, [], 'it sends to nothing that a policy can hold');
    return;
  }
  notes.take(pass);
  const listens = listensOf(draft, server, 'tcp');
  if (listens.length === 0) notes.leftWhole(server, [], noPort);
  for (const { gateway } of listens) {
    paths.set(server, ['gateways', gateway]);
    const listeners = draft.gateways[gateway]?.listeners ?? [];
    for (const each of listeners) if ('to' in each && each.to?.length === 0) each.to = [{ service }];
  }
}

/** The time to connect is a service's: the longest of those that are said. */
function connectTimeouts({ services, notes }: Draft, http: readonly Statement[]): void {
  const said = http.filter(each => each.name === 'proxy_connect_timeout');
  const time = said.at(-1)?.args[0];
  if (time === undefined || !/^\d+(ms|s|m)?$/.test(time) || /^0/.test(time)) return;
  notes.take(...said);
  for (const each of Object.values(services)) each.connectTimeout = /\d$/.test(time) ? `${time}s` : time;
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
  auth_basic: 'requests get through without a password: let the application ask, or something before the gateways',
  limit_req: 'see maxConnections, circuitBreakers and admissionControl',
  limit_conn: 'see maxConnections, circuitBreakers and admissionControl',
  allow: 'requests get through from everywhere: keep others out by a firewall',
  deny: 'requests get through from everywhere: keep others out by a firewall',
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
