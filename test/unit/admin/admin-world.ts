import { join } from 'node:path';
import { pino } from 'pino';
import { AuditLog } from '../../../src/access/audit-log.ts';
import { Tokens } from '../../../src/access/tokens.ts';
import { EventReaders } from '../../../src/admin/event-stream.ts';
import { makeMeters } from '../../../src/admin/meters.ts';
import { Refusals } from '../../../src/admin/refusals.ts';
import { type AdminOptions, adminApp } from '../../../src/admin/server.ts';
import type { HealthView } from '../../../src/base/endpoint-health.ts';
import type { Problem } from '../../../src/base/problem.ts';
import type { ComputedControl, ComputedOutcome } from '../../../src/control/computed.ts';
import type {
  Accepted,
  Control,
  Effect,
  OverrideOutcome,
  OverrideStatus,
  QuarantineOutcome,
  Rejected,
  SubmitOutcome,
} from '../../../src/control/control.ts';
import { declaredIn } from '../../../src/control/declared.ts';
import type { EditOutcome } from '../../../src/control/edit.ts';
import { decideEdits } from '../../../src/control/edits.ts';
import type { FreezeControl } from '../../../src/control/freezing.ts';
import type { FreezeStatus } from '../../../src/control/gate.ts';
import { originIn } from '../../../src/control/origin.ts';
import { pipeline } from '../../../src/control/pipeline.ts';
import type { Plan } from '../../../src/control/plan.ts';
import type { RevisionControl, RollbackOutcome } from '../../../src/control/revisions.ts';
import { serviceWeights } from '../../../src/control/service-weights.ts';
import { EventLog } from '../../../src/events/event-log.ts';
import { Fleet } from '../../../src/fleet/fleet.ts';
import { Propagation } from '../../../src/fleet/propagation.ts';
import type { ComputedWeights } from '../../../src/policy/computed-weights.ts';
import type { EndpointOverride, Override, Quarantine, TrafficShift } from '../../../src/policy/operational-state.ts';
import { apiDocument, type ResourceKey } from '../../../src/policy/owner.ts';
import { type Assignment, Board } from '../../../src/snapshot/board.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import type { Pin } from '../../../src/store/store.ts';
import type { Rejected as RejectedContent, XdsEvent } from '../../../src/xds/events.ts';
import { checkAnswer, operationFor } from '../../support/api-contract.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

/** A token as the server makes them. */
export const token = 'test-token-test-token-test-token-123456';

/** The moment of the tests, in milliseconds since the epoch. */
export const now = Date.parse('2026-03-01T12:00:00.000Z');

export const policyText = `
services:
  catalog:
    endpoints:
      - { address: "10.0.0.1:8080", labels: { version: v1 } }
      - { address: "10.0.0.2:8080", labels: { version: v2 } }
    versions: { v1: { labels: { version: v1 } }, v2: { labels: { version: v2 } } }
gateways:
  public: { listeners: [{ port: 8000, protocol: http }] }
routes:
  shop:
    gateways: [public]
    hosts: ["*"]
    rules:
      - name: old
        match: { path: { prefix: /old } }
        redirect: { path: / }
      - name: everyone
        to: [{ service: catalog, version: v1, weight: 95 }, { service: catalog, version: v2, weight: 5 }]
fleets:
  edge: { match: { cluster: edge }, gateways: [public] }
`;

export const shift: TrafficShift = {
  kind: 'shift',
  route: 'shop',
  rule: 'everyone',
  weights: { 'catalog@v1': 90, 'catalog@v2': 10 },
  by: 'ada',
  since: now,
  reason: 'first tenth',
};

export const drain: EndpointOverride = {
  kind: 'endpoint',
  service: 'catalog',
  address: '10.0.0.1:8080',
  state: 'draining',
  by: 'ada',
  since: now,
  expiresAt: now + 60_000,
};

const documents = [{ file: 'switchyard.yaml', format: 'yaml', text: policyText }] as const;
const read = pipeline.read(documents);

/** What a controller would have accepted. */
function acceptedPolicy(overrides: readonly Override[] = [], quarantines: readonly Quarantine[] = []): Accepted {
  const { policy, sources, problems } = read;
  if (!policy) throw new Error(JSON.stringify(problems));
  const outcome = pipeline.build({ policy, sources, overrides, resolved: new Map(), quarantines }, undefined);
  if (outcome.kind === 'failed') throw new Error(JSON.stringify(outcome.problems));
  const revision = { number: 7, at: now, author: 'bob', source: 'file', reason: 'saved', documents } as const;
  const whole = { ...revision, kind: 'declared', what: 'services/catalog changed', overrides } as const;
  return { ...outcome.build, revision: whole, warnings: outcome.build.problems };
}

const inEarnestOnly = Symbol('nothing else is said');

function inEarnest(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('dryRun' in value) || value.dryRun) return value;
  const { dryRun: _, ...rest } = value;
  return Object.keys(rest).length === 0 ? inEarnestOnly : rest;
}

const edgeOnly = (): Assignment => ({ kind: 'assigned', key: 'edge' });

/** Answers as it is told and remembers what it was asked. */
class FakeControl implements Control {
  accepted: Accepted | undefined = undefined;
  rejected: Rejected | undefined = undefined;
  answer: OverrideOutcome | Error = { kind: 'notFound', what: 'The test has set no answer.' };
  quarantineAnswer: QuarantineOutcome = { kind: 'notFound', what: 'The test has set no answer.' };
  readonly asked: unknown[] = [];
  /** How often a place was looked up. */
  lookups = 0;

  readonly computedWeights = new Map<string, ComputedWeights>();
  computedAnswer: ComputedOutcome = { kind: 'notFound', what: 'The test has set no answer.' };
  changeAnswer: RollbackOutcome = { kind: 'notFound', what: 'The test has set no answer.' };
  readonly pins = new Map<number, Pin>();
  readonly revisions: RevisionControl = {
    list: ({ before = 99, matches = () => true }) => {
      if (!this.accepted) return [];
      const { documents: _, overrides: __, ...info } = this.accepted.revision;
      const pin = this.pins.get(info.number);
      return [{ ...info, ...(pin ? { pin } : {}) }].filter(each => each.number < before && matches(each));
    },
    get: number => (number === this.accepted?.revision.number ? this.accepted.revision : undefined),
    publications: [
      {
        number: 1,
        at: now - 60_000,
        revision: 7,
        cause: 'policy',
        author: 'bob',
        what: 'changed',
        fleets: { edge: 'a' },
      },
      {
        number: 2,
        at: now - 1000,
        revision: 8,
        cause: 'names',
        author: 'x',
        what: 'b',
        fleets: { edge: 'b', gone: null },
      },
    ],
    rebuilt: () => ({ snapshots: this.accepted?.snapshots ?? new Map() }),
    rollback: async wanted => {
      this.#note('rollback', wanted);
      return this.changeAnswer;
    },
    accept: async (...given) => {
      this.#note('accept', ...given);
      return this.changeAnswer;
    },
    pin: (number, pin) => {
      if (pin) this.pins.set(number, { ...pin, at: now });
      else this.pins.delete(number);
      return number === this.accepted?.revision.number;
    },
    contents: () => new MemoryStore().contents(),
    restore: async (...given) => {
      this.#note('restore', ...given);
      return this.changeAnswer as SubmitOutcome;
    },
  };
  frozen: FreezeStatus['frozen'];
  readonly freezing: FreezeControl = this.#freezing();
  #freezing(): FreezeControl {
    const world = this;
    return {
      get status() {
        return {
          frozen: world.frozen,
          waiting: [],
          waitingCount: 0,
          good: [{ revision: 7, at: now, author: 'bob', what: 'a' }],
        };
      },
      freeze: (author, revision = 7) => {
        world.frozen = { ...author, since: now, revision, stored: true };
        return revision === 7
          ? { kind: 'done', status: world.freezing.status }
          : { kind: 'notFound', what: `There is no revision ${revision}.` };
      },
      thaw: () => {
        if (!world.frozen) return { kind: 'notFound', what: 'Nothing is frozen.' };
        world.frozen = undefined;
        return { kind: 'done', status: world.freezing.status };
      },
      confirm: () => {},
    };
  }
  readonly computed: ComputedControl = {
    all: this.computedWeights,
    give: async (...given) => {
      this.#note('give', ...given);
      return this.computedAnswer;
    },
    end: async (...given) => {
      this.#note('end', ...given);
      return this.computedAnswer;
    },
    of: service => serviceWeights(this.accepted, this.computedWeights, service),
  };

  shift(...given: Parameters<Control['shift']>) {
    return this.#write('shift', given);
  }
  overrideEndpoint(...given: Parameters<Control['overrideEndpoint']>) {
    return this.#write('overrideEndpoint', given);
  }
  overrideEndpoints(...given: Parameters<Control['overrideEndpoints']>) {
    return this.#write('overrideEndpoints', given);
  }
  endEndpointOverrides(...given: Parameters<Control['endEndpointOverrides']>) {
    return this.#write('endEndpointOverrides', given);
  }
  maintain(...given: Parameters<Control['maintain']>) {
    return this.#write('maintain', given);
  }
  endOverride(...given: Parameters<Control['endOverride']>) {
    return this.#write('endOverride', given);
  }
  submit(): never {
    throw new Error('not asked for by any route');
  }
  async edit(...[edits, about]: Parameters<Control['edit']>): Promise<EditOutcome> {
    const documents = this.accepted?.revision.documents ?? [];
    const decision = decideEdits(documents, edits, about);
    if (decision.kind === 'refused') return decision;
    const effect: Effect = { concerned: new Map(), changed: decision.changed };
    const revision = this.accepted?.revision;
    return { ...decision, kind: 'done', declared: declaredIn(decision.documents), revision, effect, warnings: [] };
  }
  preview(): never {
    throw new Error('not asked for by any route');
  }
  reject(): never {
    throw new Error('not asked for by any route');
  }
  async changeQuarantine(...given: Parameters<Control['changeQuarantine']>) {
    this.#note('changeQuarantine', ...given);
    return this.quarantineAnswer;
  }
  origin(...[fleetKey, typeUrl, name, clue]: Parameters<Control['origin']>) {
    this.lookups += 1;
    return this.accepted && originIn(this.accepted, read.sources, { fleetKey, typeUrl, name }, clue);
  }
  shrinksByName() {
    return false;
  }
  acceptName(...given: Parameters<Control['acceptName']>) {
    this.#note('acceptName', ...given);
    return true;
  }
  nameAccepted(host: string): Plan | undefined {
    return host === 'app.internal' ? this.plan : undefined;
  }
  /** Of dry runs: nothing changes. */
  get plan(): Plan | undefined {
    const { accepted } = this;
    const publication = accepted && { snapshots: accepted.snapshots, assign: edgeOnly };
    return publication && { before: publication, after: publication, warnings: { before: [], after: [] }, shrinks: [] };
  }
  onChange() {
    return () => {};
  }

  /** A call with what it was given; that it is in earnest is not said. */
  #note(call: string, ...given: readonly unknown[]): void {
    this.asked.push([call, ...given.map(inEarnest).filter(each => each !== inEarnestOnly)]);
  }

  async #write(call: string, given: readonly unknown[]): Promise<OverrideOutcome> {
    this.#note(call, ...given);
    if (this.answer instanceof Error) throw this.answer;
    return this.answer;
  }
}

interface Call {
  readonly body?: unknown;
  /** A body that is not JSON: a backup. */
  readonly raw?: Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The API over a fake controller, and a real board and fleet. */
export class AdminWorld {
  readonly control = new FakeControl();
  readonly board = new Board();
  clock = now;
  readonly fleet = new Fleet(() => this.clock);
  readonly log: string[] = [];
  /** Node ids that were to be sent again what they rejected. */
  readonly retried: string[] = [];
  /** What the process has to say. */
  notices: readonly Problem[] = [];
  /** How proxies find their endpoints, by node id. */
  readonly views = new Map<string, HealthView>();
  readonly data = temporaryDirectory();
  readonly tokens = new Tokens({ directory: this.data, adminToken: token, now: () => this.clock });
  readonly audit = new AuditLog({ folder: join(this.data, 'audit'), now: () => this.clock, report: () => {} });
  readonly events = new EventLog({ now: () => this.clock });
  readonly refusals = new Refusals();
  readonly options: AdminOptions = {
    control: this.control,
    board: this.board,
    fleet: this.fleet,
    log: pino({ level: 'error' }, { write: (line: string) => void this.log.push(line) }),
    address: { host: '127.0.0.1', port: 0 },
    tokens: this.tokens,
    audit: this.audit,
    events: this.events,
    readers: new EventReaders(),
    refusals: this.refusals,
    meters: makeMeters(),
    propagation: new Propagation(),
    about: { version: '1.2.3', startedAt: now - 60_000 },
    data: this.data,
    now: () => this.clock,
    openStreams: () => 3,
    stopped: new AbortController().signal,
    allowedHosts: new Set(['switchyard.internal']),
    retry: id => this.#retry(id),
    tls: { expiry: { certificate: 1_800_000_000_000, clientCa: 1_900_000_000_000 }, refusals: 7 },
    adminTls: { expiry: { certificate: 1_700_000_000_000 }, refusals: 5 },
    notices: () => this.notices,
    endpointHealth: ({ node }) => this.views.get(node.id) ?? { kind: 'unknown', why: 'the test has not said' },
  };
  readonly app = adminApp(this.options);

  /** Puts the policy in force. */
  accept(overrides: readonly Override[] = [], quarantines: readonly Quarantine[] = []): Accepted {
    const accepted = acceptedPolicy(overrides, quarantines);
    this.control.accepted = accepted;
    this.board.publish({ snapshots: accepted.snapshots, assign: edgeOnly });
    return accepted;
  }

  /** As if a resource had been made by API. */
  own(kind: string, name: string): void {
    const { accepted } = this.control;
    const key = { kind: kind as ResourceKey['kind'], name };
    if (!accepted) throw new Error('no policy is in force');
    const documents = [apiDocument(key, {}, false), ...accepted.revision.documents];
    this.control.accepted = { ...accepted, revision: { ...accepted.revision, documents } };
  }

  /** What the controller says of a change of the policy. */
  changed(): void {
    const { accepted } = this.control;
    if (!accepted) throw new Error('nothing is in force');
    const { revision, warnings } = accepted;
    this.control.changeAnswer = { kind: 'accepted', revision, effect: this.#effect(true), warnings };
  }

  /** What the controller says of a write that changed fleet `edge`. */
  done(status: OverrideStatus | undefined, changed = true): OverrideOutcome {
    return { kind: 'done', status, effect: this.#effect(changed) };
  }

  /** The same of a write of these endpoints of a service, and what overrides them now. */
  doneOfAll(addresses: readonly string[], overrides: readonly Override[] = []): OverrideOutcome {
    const statuses = overrides.map(override => ({ override, effect: 'active' }) as const);
    return { kind: 'done', status: undefined, endpoints: { addresses, statuses }, effect: this.#effect(true) };
  }

  #effect(changed: boolean): Effect {
    return { concerned: this.control.accepted?.snapshots ?? new Map(), changed };
  }

  /** A quarantine of a content of fleet `edge` in force, which two proxies have rejected. */
  quarantine(type: keyof typeof typeUrls, name: string, given: Partial<Quarantine> = {}): Quarantine {
    const { version } = this.content(type, name);
    const about = { fleet: 'edge', typeUrl: typeUrls[type], name, version, since: now, proxies: ['edge-1', 'edge-2'] };
    return { ...about, message: 'no such thing', lastGood: [], ...given };
  }

  /** That a client rejects a content of fleet `edge` in force. */
  reject(type: keyof typeof typeUrls, name: string, message: string, instead?: string): RejectedContent {
    return { typeUrl: typeUrls[type], name, version: this.content(type, name).version, code: 13, message, instead };
  }

  /** What fleet `edge` is sent under a name. */
  content(type: keyof typeof typeUrls, name: string) {
    const content = this.board.current?.snapshots.get('edge')?.types.get(typeUrls[type])?.resources.get(name);
    if (!content) throw new Error(`fleet edge has no ${type} ${name}`);
    return content;
  }

  #retry(id: string): boolean {
    this.retried.push(id);
    return this.fleet.proxies().some(each => each.node.id === id);
  }

  /** One request with the token, to a host that is allowed. */
  async call(method: string, url: string, { body, raw, headers = {} }: Call = {}) {
    const response = await this.app.request(`http://127.0.0.1${url}`, {
      method,
      headers: {
        host: '127.0.0.1:18080',
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(raw ? { 'content-type': 'application/gzip' } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(raw ? { body: raw } : {}),
    });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes.
    const json: any = type.includes('json') ? JSON.parse(text) : undefined;
    const operation = operationFor(method, url.replace(/\?.*$/, ''));
    if (operation) checkAnswer(operation, { status: response.status, type, json, text });
    return { status: response.status, headers: response.headers, type, text, json };
  }

  /** A proxy that has connected and is given a fleet, or told why not. */
  connect(clientId: number, id: string, assignment?: Assignment): void {
    const node = { id, cluster: 'edge', region: '', zone: 'a', subZone: '', metadata: {}, version: '1.40.0' };
    this.apply({ kind: 'opened', clientId, variant: 'delta', peer: `10.0.0.9:${clientId}` });
    this.apply({ kind: 'identified', clientId, node });
    if (assignment) this.apply({ kind: 'assigned', clientId, assignment });
  }

  /** Its request for a type, and what became of the answer. */
  exchange(
    clientId: number,
    type: 'Cluster' | 'RouteConfiguration',
    then: 'asked' | 'sent' | 'acked' | 'nacked',
  ): void {
    const typeUrl = typeUrls[type];
    const version = this.board.current?.snapshots.get('edge')?.types.get(typeUrl)?.version ?? '';
    const about = { clientId, typeUrl, version, nonce: '1' };
    this.apply({ kind: 'subscribed', clientId, typeUrl, wildcard: true, names: 0 });
    if (then === 'asked') return;
    this.apply({ kind: 'sent', ...about, resources: 2, removed: 0, bytes: 1000 });
    if (then === 'acked') this.apply({ kind: 'acked', ...about });
    if (then === 'nacked') this.apply({ kind: 'nacked', ...about, code: 3, message: 'no such filter' });
  }

  apply(event: XdsEvent): void {
    this.fleet.apply(event);
  }
}

export const typeUrls = {
  Cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  RouteConfiguration: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
} as const;
