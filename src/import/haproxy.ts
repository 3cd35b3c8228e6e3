import { parseAddress } from '../base/address.ts';
import {
  countWithin,
  type Draft,
  freeName,
  gatewayFor,
  type ListenerDraft,
  newDraft,
  noPort,
  noTls,
  type RuleDraft,
} from './draft.ts';
import { backendService, lastOf, timeOf } from './haproxy-backend.ts';
import { Acls, always, type Condition, conditionOf, type Literal, matchesFor } from './haproxy-conditions.ts';
import { readHaproxy } from './haproxy-lexer.ts';
import { type Answer, answerOf, headersOf, notImportedRule, redirectOf, refuses } from './haproxy-rules.ts';
import type { Absent, Notes } from './notes.ts';
import type { Imported } from './policy-text.ts';
import { Reader } from './reader.ts';
import { imported, refused } from './sound.ts';
import { type ImportFiles, importLimits, type Statement } from './statement.ts';

/** What HAProxy configurations come to as a policy. */
export function importHaproxy(files: ImportFiles, names: readonly string[]): Imported {
  const reader = new Reader(files, readHaproxy);
  const all = names.flatMap(name => reader.file(name));
  for (const section of all) [section, ...(section.body ?? [])].every(each => reader.counts(each));
  const sections = reader.problem ? [] : withDefaults(all, reader);
  if (reader.problem) return refused(reader.problem);
  const draft = newDraft();
  const { notes, services } = draft;
  notes.take(...all.filter(each => /^(defaults|global)$/.test(each.name)), ...sections.map(each => each.at));
  const backends = new Map<string, string>();
  for (const { at, lines } of sections) {
    const [wish = ''] = at.args;
    if (at.name !== 'backend' && !(at.name === 'listen' && lines.some(each => each.name === 'server'))) continue;
    const name = freeName(draft, 'services', wish);
    backends.set(wish, name);
    notes.became(at, ['services', name]);
    services[name] = backendService(draft, name, lines, isTcp(notes, lines));
  }
  const known = new Map(sections.map(each => [each.at.args[0] ?? '', each]));
  for (const each of sections) if (each.at.name !== 'backend') new Frontend(draft, each, backends, known).make();
  return imported(draft, all, about);
}

interface Section {
  readonly at: Statement;
  /** Those of the defaults first. */
  readonly lines: readonly Statement[];
}

/** The sections that serve traffic, each with the lines of its defaults. */
function withDefaults(all: readonly Statement[], reader: Reader): readonly Section[] {
  let last: readonly Statement[] = [];
  let lines = 0;
  const named = new Map<string, readonly Statement[]>();
  return all.flatMap(at => {
    const from = at.args.indexOf('from');
    const before = from >= 0 ? (named.get(at.args[from + 1] ?? '') ?? []) : last;
    const isDefaults = at.name === 'defaults';
    if (!isDefaults && !/^(frontend|backend|listen)$/.test(at.name)) return [];
    const own = isDefaults && from < 0 ? (at.body ?? []) : [...before, ...(at.body ?? [])];
    lines += own.length;
    if (lines > importLimits.expanded)
      return reader.fail(at, `sections have more than ${importLimits.expanded} lines with those of their defaults`);
    if (!isDefaults) return [{ at, lines: own }];
    last = own;
    named.set(at.args[0] ?? '', own);
    return [];
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
  readonly #acls: Acls;
  #path: readonly string[] = [];

  constructor(
    draft: Draft,
    section: Section,
    backends: ReadonlyMap<string, string>,
    sections: ReadonlyMap<string, Section>,
  ) {
    this.#draft = draft;
    this.#section = section;
    this.#backends = backends;
    this.#sections = sections;
    this.#acls = new Acls(section.lines, draft.regexes);
  }

  make(): void {
    const { lines, at } = this.#section;
    const { notes } = this.#draft;
    const tcp = isTcp(notes, lines);
    const binds = lines.filter(each => each.name === 'bind');
    const gateways = [...new Set(binds.flatMap(each => this.#bind(each, tcp)))];
    if (gateways.length === 0) {
      notes.leftWhole(at, notes.placeOf(at) ?? [], noPort);
      return;
    }
    if (tcp) {
      for (const each of gateways) notes.became(at, ['gateways', each]);
      return;
    }
    this.#path = ['routes', freeName(this.#draft, 'routes', at.args[0] ?? 'frontend')];
    this.#routes(at.args[0] ?? 'frontend', gateways, this.#steps());
    notes.take(...this.#acls.used);
    for (const line of this.#acls.unused) notes.left(line, this.#path, 'no rule that is taken asks for it');
  }

  /** The gateways of a line of `bind`. */
  #bind(at: Statement, tcp: boolean): readonly string[] {
    const { notes } = this.#draft;
    notes.take(at);
    const [targets = '', ...words] = at.args;
    const maxconn = lastOf(this.#section.lines, 'maxconn');
    if (maxconn) notes.take(maxconn);
    const to = tcp ? this.#tcpTarget() : undefined;
    if (words.includes('ssl')) {
      notes.left(at, this.#path, ...noTls);
      return [];
    }
    if (tcp && to === undefined) {
      notes.left(at, this.#path, 'its bytes go nowhere that a policy can hold');
      return [];
    }
    const most = maxconn && countWithin(notes, maxconn, this.#path, maxconn.args[0], 1, 4_000_000);
    return targets.split(',').flatMap(target => {
      const place = placeOf(target);
      if (!place) {
        notes.left(at, this.#path, 'a gateway listens on an IP address and one port');
        return [];
      }
      const listener = {
        ...place,
        protocol: tcp ? 'tcp' : 'http',
        ...(most === undefined ? {} : { maxConnections: most }),
        ...(to === undefined ? {} : { to: [{ service: to }] }),
      } as ListenerDraft;
      const both = place.address === '::' && words.includes('v4v6');
      const { address: _, ...anywhere } = listener;
      const all = [...(both ? [anywhere as ListenerDraft] : []), listener];
      return all.flatMap(each => this.#opened(at, each, words));
    });
  }

  #opened(at: Statement, listener: ListenerDraft, words: readonly string[]): readonly string[] {
    const { notes } = this.#draft;
    const gateway = gatewayFor(this.#draft, listener, at);
    if (gateway === undefined) return [];
    const path = ['gateways', gateway];
    if (notes.originOf(path)?.statement !== at)
      notes.changed(at, path, 'the port is open already, for hosts and rules of both sections');
    const unknown = words.filter(
      (word, index) => !openingWords.test(word) && !/^(name|id|backlog|nice)$/.test(words[index - 1] ?? ''),
    );
    if (unknown.length > 0) notes.changed(at, path, `${unknown.join(' ')} has no counterpart`);
    return [gateway];
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
        steps.push({ at: line, condition: condition.terms, rule });
      }
    };
    for (const each of of('monitor-uri')) add(each, uriIs(each.args[0] ?? '/'), { respond: { status: 200 } });
    for (const each of [...of('http-request'), ...of('redirect')]) {
      const { words, condition } = this.#split(each, each.name === 'http-request');
      const answer = this.#answer(each, words, condition);
      if (answer || each.name === 'redirect' || /^(redirect|deny|return|tarpit)$/.test(words[0] ?? ''))
        add(each, condition, answer?.rule);
      if (answer?.change !== undefined && !('why' in condition))
        this.#draft.notes.changed(each, this.#path, answer.change);
    }
    for (const each of of('use_backend')) {
      const { words, condition } = this.#split(each);
      add(each, condition, this.#to(words[0] ?? ''), `there is no backend ${words[0]}`);
    }
    const other = lastOf(lines, 'default_backend');
    if (other) add(other, always, this.#to(other.args[0] ?? ''), `there is no backend ${other.args[0]}`);
    else if (at.name === 'listen' && this.#backends.has(at.args[0] ?? ''))
      steps.push({ at, condition: [[]], rule: this.#to(at.args[0] ?? '') ?? {} });
    return steps;
  }

  #answer(at: Statement, words: readonly string[], condition: Condition): Answer | undefined {
    const place = `${at.file}:${at.line}`;
    if (at.name === 'redirect' || words[0] === 'redirect') {
      const rule = redirectOf(at.name === 'redirect' ? words : words.slice(1));
      return rule && { rule };
    }
    if ('wider' in condition && condition.wider && words[0] !== 'auth') {
      const change = 'a policy cannot ask for all of that: more requests than are meant are answered 501';
      return { rule: notImportedRule(place), change };
    }
    return answerOf(words, place);
  }

  #split({ args }: Statement, mayRefuse = false) {
    const from = args.findIndex(each => each === 'if' || each === 'unless');
    const words = from < 0 ? args : args.slice(0, from);
    const said = from < 0 ? [] : args.slice(from);
    const one = said.length === 2 || (said[1] === '{' && said.indexOf('}') === said.length - 1);
    const turned = said[0] === 'unless' && one ? ['if', '!', ...said.slice(1)] : said;
    return { words, condition: conditionOf(turned, this.#acls, mayRefuse && refuses(words)) };
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
    const { notes, routes } = this.#draft;
    const { at } = this.#section;
    const asked = steps.flatMap(({ condition }) => condition.flat());
    const hosts = new Set(['*', ...asked.flatMap(({ test }) => (test.kind === 'host' ? test.hosts : []))]);
    if (hosts.size * (steps.length + asked.length) > importLimits.combinations) {
      notes.leftWhole(at, this.#path, `it asks for ${hosts.size} hosts in ${steps.length} rules`, 'split it');
      return;
    }
    const byRules = new Map<string, { readonly hosts: string[]; readonly made: readonly Made[] }>();
    for (const host of hosts) {
      const made = this.#rules(steps, host);
      const text = JSON.stringify(made.map(({ rule }) => rule));
      const known = byRules.get(text);
      if (known) known.hosts.push(host);
      else byRules.set(text, { hosts: [host], made });
    }
    for (const { hosts: all, made } of byRules.values()) {
      const [first = '*'] = all;
      const name = freeName(this.#draft, 'routes', first === '*' ? wish : first.replace(/^\*\./, ''));
      for (const [index, { step }] of made.entries()) notes.became(step.at, ['routes', name, 'rules', index]);
      notes.became(at, ['routes', name]);
      const rules = made.map(({ rule }) => rule);
      routes[name] = {
        gateways: [...gateways],
        hosts: all,
        rules: rules.length > 0 ? rules : [{ respond: { status: 503 } }],
      };
    }
  }

  /** The rules for a host, with what they come from. */
  #rules(steps: readonly Step[], host: string): readonly Made[] {
    const rules: Made[] = [];
    for (const step of steps) {
      const matches = matchesFor(step.condition, host);
      if (matches === undefined || rules.length + matches.length > importLimits.rules) {
        const why = matches ? 'there are too many rules' : 'a rule cannot ask for all of that together';
        this.#draft.notes.left(step.at, this.#path, why);
        continue;
      }
      for (const match of matches) {
        const bare = Object.keys(match).length === 0;
        rules.push({ step, rule: bare ? step.rule : { match, ...step.rule } });
        if (bare) return rules;
      }
    }
    return rules;
  }
}

const uriIs = (exact: string): Condition => ({
  terms: [[{ not: false, test: { kind: 'match', any: [{ path: { exact } }] } }]],
  wider: false,
});

/** A rule, and what it comes from. */
interface Made {
  readonly step: Step;
  readonly rule: RuleDraft;
}

/** Words of `bind` that say how the port is opened, which Envoy decides by itself. */
const openingWords = /^(name|id|backlog|nice|v4v6|v6only|defer-accept|tfo)$/;

/** The place of a listener: `:80`, `*:80`, `10.0.0.1:80`, `:::80`, `[::1]:80`. */
function placeOf(target: string): { readonly port: number; readonly address?: string } | undefined {
  const [, host = '', port = ''] = /^(?:ipv[46]@)?(.*):(\d{1,5})$/.exec(target) ?? [];
  const bare = host === '' || host === '*' ? '0.0.0.0' : host.replace(/^\[(.*)\]$/, '$1');
  const address = parseAddress(`${bare.includes(':') ? `[${bare}]` : bare}:${Number(port)}`);
  if (address?.kind !== 'ip') return undefined;
  return { port: address.port, ...(address.ip === '0.0.0.0' ? {} : { address: address.ip }) };
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
