import type { PolicyPath } from '../base/problem.ts';
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
import { backendService, lastOf, timeOf } from './haproxy-backend.ts';
import { type Acls, type Condition, conditionOf, type Literal, matchesFor } from './haproxy-conditions.ts';
import { readHaproxy } from './haproxy-lexer.ts';
import { answerOf, headersOf, redirectOf } from './haproxy-rules.ts';
import { type Absent, Notes } from './notes.ts';
import type { Imported } from './policy-text.ts';
import type { ImportFiles, Statement } from './statement.ts';

/** What HAProxy configurations come to as a policy. */
export function importHaproxy(files: ImportFiles, names: readonly string[]): Imported {
  const read = names.map(name => {
    const found = files.read(name);
    return 'problem' in found ? { statements: [], problems: [found.problem] } : readHaproxy(name, found.text);
  });
  const problems = read.flatMap(each => each.problems);
  if (problems.length > 0) return { policy: {}, problems, aside: [] };
  const notes = new Notes();
  const draft: Draft = { services: {}, gateways: {}, routes: {}, notes };
  const sections = withDefaults(
    read.flatMap(each => each.statements),
    notes,
  );
  const paths = new Map<Statement, PolicyPath>();
  const backends = new Map<string, string>();
  for (const { at, lines } of sections) {
    const [wish = ''] = at.args;
    if (at.name !== 'backend' && !(at.name === 'listen' && lines.some(each => each.name === 'server'))) continue;
    const name = freeName(wish, draft.services);
    backends.set(wish, name);
    draft.services[name] = backendService(draft, name, lines, isTcp(notes, lines));
    paths.set(at, ['services', name]);
  }
  const known = new Map(sections.map(each => [each.at.args[0] ?? '', each]));
  for (const each of sections) {
    if (each.at.name === 'frontend' || each.at.name === 'listen')
      new Frontend(draft, each, backends, known, paths).make();
  }
  notes.rest(
    read.flatMap(each => each.statements),
    block => paths.get(block),
    about,
  );
  return { policy: policyOf(draft), problems: notes.problems, aside: notes.aside };
}

interface Section {
  readonly at: Statement;
  /** Those of the defaults first. */
  readonly lines: readonly Statement[];
}

function withDefaults(all: readonly Statement[], notes: Notes): readonly Section[] {
  let last: readonly Statement[] = [];
  const named = new Map<string, readonly Statement[]>();
  return all.flatMap(at => {
    const from = at.args.indexOf('from');
    const before = from >= 0 ? (named.get(at.args[from + 1] ?? '') ?? []) : last;
    if (at.name === 'defaults') {
      notes.take(at);
      last = from >= 0 ? [...before, ...(at.body ?? [])] : (at.body ?? []);
      named.set(at.args[0] ?? '', last);
      return [];
    }
    if (!/^(frontend|backend|listen|global)$/.test(at.name)) return [];
    notes.take(at);
    return at.name === 'global' ? [] : [{ at, lines: [...before, ...(at.body ?? [])] }];
  });
}

function isTcp(notes: Notes, lines: readonly Statement[]): boolean {
  notes.take(...lines.filter(each => each.name === 'mode'));
  return lastOf(lines, 'mode')?.args[0] !== 'http';
}

/** A rule in the making: on what condition, and what it does. */
interface Step {
  readonly at: Statement;
  readonly condition: readonly (readonly Literal[])[];
  readonly rule: RuleDraft;
}

class Frontend {
  readonly #draft: Draft;
  readonly #section: Section;
  readonly #backends: ReadonlyMap<string, string>;
  readonly #sections: ReadonlyMap<string, Section>;
  readonly #paths: Map<Statement, PolicyPath>;
  readonly #acls: Acls;
  #path: readonly string[] = [];

  constructor(
    draft: Draft,
    section: Section,
    backends: ReadonlyMap<string, string>,
    sections: ReadonlyMap<string, Section>,
    paths: Map<Statement, PolicyPath>,
  ) {
    this.#draft = draft;
    this.#section = section;
    this.#backends = backends;
    this.#sections = sections;
    this.#paths = paths;
    this.#acls = aclsOf(draft.notes, section.lines);
  }

  make(): void {
    const { lines, at } = this.#section;
    const tcp = isTcp(this.#draft.notes, lines);
    const binds = lines.filter(each => each.name === 'bind' || each.name === 'default_bind');
    const gateways = [...new Set(binds.flatMap(each => this.#bind(each, tcp)))];
    const [first] = gateways;
    if (first === undefined) {
      this.#draft.notes.leftWhole(at, this.#paths.get(at) ?? [], noPort);
      return;
    }
    if (tcp) {
      this.#paths.set(at, ['gateways', first]);
      return;
    }
    const base = freeName(at.args[0] ?? 'frontend', this.#draft.routes);
    this.#path = ['routes', base];
    this.#paths.set(at, this.#path);
    this.#routes(at.args[0] ?? 'frontend', gateways, this.#steps());
  }

  #bind(at: Statement, tcp: boolean): readonly string[] {
    const { notes } = this.#draft;
    notes.take(at);
    const [targets = '', ...words] = at.args;
    if (words.includes('ssl')) {
      notes.left(at, this.#path, ...noTls);
      return [];
    }
    const maxconn = lastOf(this.#section.lines, 'maxconn');
    if (maxconn) notes.take(maxconn);
    const to = tcp ? this.#tcpTarget() : undefined;
    return targets.split(',').flatMap(target => {
      const [, host = '', port = ''] = /^(?:ipv[46]@)?(.*):(\d{1,5})$/.exec(target) ?? [];
      const bare = host === '' || host === '*' ? '0.0.0.0' : host.replace(/^\[(.*)\]$/, '$1');
      if (
        port === '' ||
        addressOf(bare.includes(':') ? `[${bare}]` : bare, Number(port)) === undefined ||
        (tcp && to === undefined)
      ) {
        notes.left(
          at,
          this.#path,
          tcp && to === undefined
            ? 'its bytes go nowhere that a policy can hold'
            : 'a gateway listens on an IP address and one port',
        );
        return [];
      }
      const most = Number(maxconn?.args[0] ?? 0);
      const listener = {
        port: Number(port),
        ...(bare === '0.0.0.0' ? {} : { address: bare }),
        protocol: tcp ? 'tcp' : 'http',
        ...(most > 0 ? { maxConnections: Math.min(most, 4_000_000) } : {}),
        ...(to === undefined ? {} : { to: [{ service: to }] }),
      } as ListenerDraft;
      const gateway = gatewayFor(this.#draft, listener);
      const path = ['gateways', gateway];
      if (words.includes('accept-proxy')) notes.changed(at, path, 'the PROXY protocol is not understood');
      return [gateway];
    });
  }

  #tcpTarget(): string | undefined {
    const { at, lines } = this.#section;
    const line = lastOf(lines, 'default_backend');
    if (line) this.#draft.notes.take(line);
    return this.#backends.get(line?.args[0] ?? at.args[0] ?? '');
  }

  /** What happens to requests, in HAProxy's order: rules of http-request, redirects, then backends. */
  #steps(): readonly Step[] {
    const { at, lines } = this.#section;
    const of = (name: string) => lines.filter(each => each.name === name);
    const steps: Step[] = [];
    const add = (line: Statement, condition: Condition, rule: RuleDraft | undefined, why?: string) => {
      if ('why' in condition) this.#draft.notes.left(line, this.#path, condition.why);
      else if (!rule) this.#draft.notes.left(line, this.#path, why);
      else {
        this.#draft.notes.take(line);
        steps.push({ at: line, condition, rule });
      }
    };
    for (const each of of('monitor-uri'))
      add(each, [[{ not: false, test: { kind: 'match', any: [{ path: { exact: each.args[0] ?? '/' } }] } }]], {
        respond: { status: 200 },
      });
    for (const each of [...of('http-request'), ...of('redirect')]) {
      const { words, condition } = this.#split(each);
      const rule =
        each.name === 'redirect' || words[0] === 'redirect'
          ? redirectOf(each.name === 'redirect' ? words : words.slice(1))
          : answerOf(words);
      if (rule || each.name === 'redirect' || /^(redirect|deny|return|tarpit|reject)$/.test(words[0] ?? ''))
        add(each, condition, rule);
    }
    for (const each of of('use_backend')) {
      const { words, condition } = this.#split(each);
      add(each, condition, this.#to(words[0] ?? ''), `there is no backend ${words[0]}`);
    }
    const other = lastOf(lines, 'default_backend');
    if (other) add(other, [[]], this.#to(other.args[0] ?? ''), `there is no backend ${other.args[0]}`);
    else if (at.name === 'listen' && this.#backends.has(at.args[0] ?? ''))
      steps.push({ at, condition: [[]], rule: this.#to(at.args[0] ?? '') ?? {} });
    return steps;
  }

  #split({ args }: Statement) {
    const from = args.findIndex(each => each === 'if' || each === 'unless');
    const words = from < 0 ? args : args.slice(0, from);
    const said = from < 0 ? [] : args.slice(from);
    const turned = said[0] === 'unless' && said.length === 2 ? ['if', `!${said[1]}`] : said;
    return { words, condition: conditionOf(turned, this.#acls) };
  }

  #to(wish: string): RuleDraft | undefined {
    const service = this.#backends.get(wish);
    if (service === undefined) return undefined;
    const backend = this.#sections.get(wish)?.lines ?? [];
    const idle = timeOf(lastOf(backend, 'timeout', 'server')?.args[1]);
    const { notes } = this.#draft;
    for (const each of backend) if (each.name === 'timeout' && each.args[0] === 'server') notes.take(each);
    const lines = wish === this.#section.at.args[0] ? backend : [...this.#section.lines, ...backend];
    return {
      to: [{ service }],
      ...headersOf(notes, this.#path, lines),
      ...(idle === undefined ? {} : { idleTimeout: idle }),
    };
  }

  /** A route for each host that is asked for, and one for all others; those with the same rules are one. */
  #routes(wish: string, gateways: readonly string[], steps: readonly Step[]): void {
    const hosts = new Set(
      steps.flatMap(({ condition }) =>
        condition.flatMap(term => term.flatMap(({ test }) => (test.kind === 'host' ? test.hosts : []))),
      ),
    );
    const byRules = new Map<string, string[]>();
    for (const host of ['*', ...hosts]) {
      const text = JSON.stringify(this.#rules(steps, host));
      byRules.set(text, [...(byRules.get(text) ?? []), host]);
    }
    for (const [text, all] of byRules) {
      const rules = JSON.parse(text) as RuleDraft[];
      const name = freeName(all[0] === '*' ? wish : (all[0] ?? wish).replace(/^\*\./, ''), this.#draft.routes);
      this.#draft.routes[name] = {
        gateways: [...gateways],
        hosts: all,
        rules: rules.length > 0 ? rules : [{ respond: { status: 503 } }],
      };
    }
  }

  #rules(steps: readonly Step[], host: string): readonly RuleDraft[] {
    const rules: RuleDraft[] = [];
    for (const { at, condition, rule } of steps) {
      const matches = matchesFor(condition, host);
      if (matches === undefined) {
        this.#draft.notes.left(at, this.#path, 'a rule cannot ask for all of that together');
        continue;
      }
      for (const match of matches) {
        const bare = Object.keys(match).length === 0;
        rules.push(bare ? rule : { match, ...rule });
        if (bare) return rules;
      }
    }
    return rules;
  }
}

function aclsOf(notes: Notes, lines: readonly Statement[]): Acls {
  const acls = new Map<string, Statement[]>();
  for (const each of lines) {
    if (each.name !== 'acl') continue;
    notes.take(each);
    acls.set(each.args[0] ?? '', [...(acls.get(each.args[0] ?? '') ?? []), each]);
  }
  return acls;
}

const process = new Set(
  'log log-tag log-format unique-id-format chroot user group daemon nbthread nbproc cpu-map pidfile stats-socket ssl-default-bind-ciphers ssl-default-bind-ciphersuites ssl-default-bind-options ssl-default-server-ciphers ssl-default-server-options ca-base crt-base tune.ssl.default-dh-param spread-checks description node hold nameserver resolve_retries master-worker localpeer peer'.split(
    ' ',
  ),
);
const options =
  /^(httplog|tcplog|dontlognull|dontlog-normal|logasap|log-health-checks|log-separate-errors|forwardfor|http-server-close|http-keep-alive|httpclose|redispatch|tcpka|clitcpka|srvtcpka|splice-auto|contstats|socket-stats|tcp-check|http-no-delay|prefer-last-server|http-use-htx)$/;

const hints: Readonly<Record<string, string>> = {
  stats: 'see "switchyard status" and "switchyard health"',
  errorfile: 'see maintenance and respond',
  timeout: 'see idleTimeout and timeout of rules',
  'stick-table': 'see sessions and sticky',
  stick: 'see sessions and sticky',
  'tcp-request': 'keep others out by a firewall, or something before the gateways',
  maxconn: 'the bootstrap bounds connections; see maxConnections of listeners',
  userlist: 'requests get through without a password: let the application ask, or something before the gateways',
};

function about({ name, args }: Statement): Absent {
  const apart =
    process.has(name) ||
    /^tune\./.test(name) ||
    /^(resolvers|peers|mailers|ring|log-forward|cache|program)$/.test(name);
  if (apart || (name === 'option' && options.test(args[0] ?? '')) || (name === 'stats' && args[0] === 'socket'))
    return { about: 'process' };
  const hint = Object.hasOwn(hints, name) ? hints[name] : undefined;
  return { about: 'policy', ...(hint === undefined ? {} : { hint }) };
}
