import assert from 'node:assert/strict';
import type { EncodedResource, TypeSnapshot } from '../../src/snapshot/snapshot.ts';
import type { ResponseBody } from '../../src/xds/body.ts';
import { MAX_UNANSWERED, startDelta, stepDelta } from '../../src/xds/delta.ts';
import type {
  Answers,
  DeltaRequest,
  Input,
  Response,
  SotwRequest,
  Step,
  Told,
  TypeState,
} from '../../src/xds/machine.ts';
import { Nonces } from '../../src/xds/nonce.ts';
import { resourceType } from '../../src/xds/resource-type.ts';
import { startSotw, stepSotw } from '../../src/xds/sotw.ts';
import { type Contents, type TypeName, typeSnapshot, urls } from '../support/xds-fixtures.ts';

/**
 * A naive client of one type, and what the protocol owes it, kept as plain sets and maps. It checks every response as it
 * comes; `converged` tells whether it has what it subscribes to.
 */
abstract class ModelClient<Request> {
  readonly type: TypeName;
  /** It is told why there is nothing of what it asks for by name (R35). */
  readonly knowsErrors: boolean;
  /** Why, as it was told last. */
  readonly reasons = new Map<string, string>();
  /** Names of which an error would be news. */
  readonly #news = new Set<string>();
  /** Names in rejected responses, which are told again until they are accepted. */
  readonly #doubtful = new Set<string>();
  /** What the client subscribes to, as the server knows it. */
  wildcard = false;
  readonly names = new Set<string>();
  /** What the client holds: name → content. */
  readonly holds = new Map<string, string>();
  /** Names of what it had at first. */
  readonly brought = new Set<string>();
  /** Responses that the client has not dealt with. */
  readonly inbox: (Response & { readonly nonce: string })[] = [];
  nonce = '';
  contents: Contents = {};
  #target: TypeSnapshot | undefined;
  started = false;
  readonly #nonces = new Nonces('', '00000000');

  constructor(type: TypeName, knowsErrors = false) {
    this.type = type;
    this.knowsErrors = knowsErrors;
  }

  /** What the server takes the client to hold. */
  abstract get state(): TypeState;
  protected abstract step(input: Input<Request>): Step<TypeState>;
  protected abstract apply(body: ResponseBody): void;
  protected abstract answer(error: string | undefined): Told<Request>;

  /** @param keepLeftover what the client has brought may not go yet. */
  publish(contents: Contents, keepLeftover = false): void {
    const before = new Map([...this.names].map(name => [name, this.reason(name)]));
    this.contents = contents;
    for (const [name, reason] of before) if (this.reason(name) !== reason) this.#news.add(name);
    // What may go now goes with a word about why.
    if (!keepLeftover) this.askFor([...this.names].filter(name => this.brought.has(name)));
    this.#target = typeSnapshot(this.type, contents, this.#target);
    this.feed({ kind: 'target', target: this.#target, keepLeftover });
  }

  /** The server is to send names again. */
  remind(names: readonly string[]): void {
    this.askFor(names);
    this.feed({ kind: 'again', names });
  }

  gate(open: boolean): void {
    this.feed({ kind: 'gate', open });
  }

  beat(): void {
    this.feed({ kind: 'beat' });
  }

  /** Deals with the oldest response. */
  handle(error?: string): void {
    const response = this.inbox.shift();
    if (!response) return;
    this.nonce = response.nonce;
    if (error === undefined) this.apply(response.body);
    // Nothing could say it again to who asked by an alias alone, so such a client takes removals in any case.
    else for (const name of response.body.removed) if (!this.subscribes(name, '')) this.holds.delete(name);
    for (const { name } of [...response.body.resources, ...(response.body.errors ?? [])]) {
      if (error === undefined) this.#doubtful.delete(name);
      else this.#doubtful.add(name);
    }
    this.feed({ kind: 'request', request: this.answer(error) });
  }

  /** Deals with all that there is, until nothing comes any more. */
  drain(): void {
    this.gate(true);
    for (let rounds = 0; this.inbox.length > 0; rounds++) {
      assert.ok(rounds < 100, 'the conversation comes to an end');
      this.handle();
    }
  }

  /** The client holds what it is owed, and the server knows. */
  converged(): void {
    const { acked, target } = this.state;
    assert.equal(acked?.version, target?.version, 'the newest set counts as acknowledged');
    if (!this.knowsErrors || !target) return;
    for (const name of this.names) assert.equal(this.reasons.get(name), this.reason(name), `R35: why no ${name}`);
  }

  /** Why there is nothing of a name that is asked for; undefined if there is, or if it is said in another way (R46). */
  reason(name: string): string | undefined {
    const answers = [...this.owed()].some(([each, content]) => answersTo(name, each, content));
    if (answers || resourceType(urls[this.type]).absent) return undefined;
    const { code, message } = errorIn(this.contents[name]) ?? { code: NOT_FOUND, message: '' };
    return reasonOf(code, message);
  }

  /** The client asks for names, new to the server or not. */
  protected askFor(names: Iterable<string>): void {
    for (const name of names) this.#news.add(name);
  }

  /** True if a resource of this content is one that is subscribed: by name, alias or glob, or by the wildcard. */
  subscribes(name: string, content: string): boolean {
    const known = namesOf(name, content);
    if (known.some(each => this.names.has(each))) return true;
    if (content.includes('onDemand')) return false;
    return this.wildcard || (globOf(name) !== undefined && this.names.has(globOf(name) ?? ''));
  }

  /** What of the newest set the client is owed. */
  owed(): ReadonlyMap<string, string> {
    const resources = Object.entries(this.contents).filter(([, content]) => !errorIn(content));
    return new Map(resources.filter(([name, content]) => this.subscribes(name, content)));
  }

  /** Drops what is no longer subscribed. */
  protected forget(): void {
    for (const [name, content] of this.holds) if (!this.subscribes(name, content)) this.holds.delete(name);
    for (const name of this.reasons.keys()) if (!this.names.has(name)) this.reasons.delete(name);
  }

  protected take({ resources, beat, errors = [] }: ResponseBody): void {
    for (const each of resources) {
      const { name, version } = each;
      if (beat) {
        const held = this.holds.get(name);
        assert.ok(held === undefined || held === version, 'R34: of the version that the client has');
        continue;
      }
      if (isAbsence(each)) this.holds.delete(name);
      else if (this.subscribes(name, version)) this.holds.set(name, version);
      for (const asked of this.reasons.keys()) if (answersTo(asked, name, version)) this.reasons.delete(asked);
    }
    for (const { name, code, message } of errors) {
      if (this.names.has(name)) this.reasons.set(name, reasonOf(code, message));
      if (isTransient(code)) continue;
      // By whatever name it was asked for, there is no such thing.
      for (const [held, content] of this.holds) if (answersTo(name, held, content)) this.holds.delete(held);
    }
  }

  protected feed(input: Input<Request>): readonly Response[] {
    const { responses: first, refused } = this.step(input);
    const responses = refused ? [...first, ...this.step({ kind: 'proceed', again: [] }).responses] : first;
    for (const response of responses) {
      this.check(response);
      this.inbox.push({ ...response, nonce: this.#nonces.next() });
    }
    return responses;
  }

  /** Which response a request with the nonce is about. */
  protected answers(nonce: string): Answers {
    return this.#nonces.answers(nonce, this.state.unanswered.length);
  }

  protected check({ body }: Response): void {
    assert.equal(body.typeUrl, urls[this.type], 'R2');
    const { resources, removed, errors = [] } = body;
    const names = [...[...resources, ...errors].map(each => each.name), ...removed];
    assert.equal(new Set(names).size, names.length, 'R28, R35: no name twice');
    for (const { name, code, message } of errors) {
      assert.ok(this.knowsErrors && this.names.has(name), `R35: ${name} is asked for by name, by who knows of errors`);
      assert.equal(reasonOf(code, message), this.reason(name), 'R35: only of what there is nothing of');
      assert.ok(this.#news.delete(name) || this.#doubtful.has(name), `R35: ${name} is told once`);
    }
    for (const name of removed) {
      const told = this.knowsErrors && this.names.has(name) && this.reason(name) !== undefined;
      assert.ok(!told, `R35: ${name} is removed without a reason`);
    }
    if (body.beat) {
      assert.ok(
        body.resources.some(each => each.limited),
        'R34: only what has a time to live is kept alive',
      );
      return;
    }
    for (const each of body.resources) {
      if (isAbsence(each)) {
        assert.ok(
          (this.names.has(each.name) || this.wildcard) && !this.owed().has(each.name),
          'R46: asked for in vain',
        );
        continue;
      }
      assert.equal(each.version, this.contents[each.name], 'the newest content');
      assert.ok(this.subscribes(each.name, each.version), `R31: ${each.name} is subscribed`);
    }
    for (const name of body.removed) assert.ok(!this.owed().has(name), 'only what is not there is removed');
  }
}

export class SotwModel extends ModelClient<SotwRequest> {
  #state = { ...startSotw(urls[this.type]), knowsErrors: this.knowsErrors };
  #named = false;
  #list: readonly string[] = [];
  readonly #complete = resourceType(urls[this.type]).complete;

  get state(): TypeState {
    return this.#state;
  }

  protected step(input: Input<SotwRequest>): Step<TypeState> {
    const step = stepSotw(this.#state, input);
    this.#state = step.state;
    return step;
  }

  /** The full list, with the nonce of the newest response that was dealt with. */
  ask(list: readonly string[]): void {
    const { emptyIsWildcard } = resourceType(urls[this.type]);
    this.#named ||= list.length > 0;
    this.#list = list;
    this.wildcard = list.includes('*') || (list.length === 0 && !this.#named && emptyIsWildcard);
    this.askFor(list.filter(name => !this.names.has(name)));
    this.names.clear();
    for (const name of list) if (name !== '*') this.names.add(name);
    this.forget();
    const stale = this.inbox.length > 0;
    const came = this.feed({ kind: 'request', request: this.answer(undefined) });
    if (stale && this.started) assert.deepEqual(came, [], 'R7: a stale request is not answered');
    this.started = true;
  }

  protected override check(response: Response): void {
    super.check(response);
    assert.equal(this.inbox.length, 0, 'R11: one unanswered response at most');
    assert.deepEqual(response.body.removed, []);
    const sent = response.body.resources.map(each => each.name).sort();
    if (this.#complete) assert.deepEqual(sent, [...this.owed().keys()].sort(), 'R26: all that is subscribed');
    else assert.ok(sent.length > 0 || response.body.errors?.length, 'R27: no empty response');
  }

  protected apply(body: ResponseBody): void {
    if (this.#complete && !body.beat) this.holds.clear();
    this.take(body);
  }

  protected answer(error: string | undefined): Told<SotwRequest> {
    return {
      typeUrl: urls[this.type],
      versionInfo: '',
      names: this.#list,
      answers: this.answers(this.nonce),
      error: error === undefined ? undefined : { code: 13, message: error },
    };
  }

  override converged(): void {
    super.converged();
    const owed = this.owed();
    if (this.#complete) assert.deepEqual(sorted(this.holds), sorted(owed));
    // Nothing tells a client of other types that something has gone (R27).
    else for (const [name, content] of owed) assert.equal(this.holds.get(name), content, name);
  }
}

export class DeltaModel extends ModelClient<DeltaRequest> {
  #state = { ...startDelta(urls[this.type]), knowsErrors: this.knowsErrors };
  /** Subscribed names that no response has spoken of since. */
  readonly unanswered = new Set<string>();
  #legacy = false;

  get state(): TypeState {
    return this.#state;
  }

  protected step(input: Input<DeltaRequest>): Step<TypeState> {
    const step = stepDelta(this.#state, input);
    this.#state = step.state;
    return step;
  }

  ask(
    subscribe: readonly string[],
    unsubscribe: readonly string[],
    has: ReadonlyMap<string, string> = new Map(),
  ): void {
    if (!this.started) {
      this.#legacy = subscribe.length === 0 && resourceType(urls[this.type]).emptyIsWildcard;
      this.wildcard = this.#legacy;
      for (const [name, content] of has) {
        this.holds.set(name, content);
        this.brought.add(name);
      }
    }
    this.askFor(subscribe);
    // What was under way when everything is asked for is told anew.
    this.askFor(this.inbox.flatMap(({ body }) => body.resources.map(each => each.name)));
    for (const name of subscribe) {
      if (name === '*') this.wildcard = true;
      else {
        this.names.add(name);
        // What a resuming client has at its newest version counts as answered (R18).
        if (this.started || has.size === 0) this.unanswered.add(name);
      }
    }
    for (const name of unsubscribe) {
      if (name === '*') this.wildcard = false;
      else this.names.delete(name);
      this.unanswered.delete(name);
    }
    this.forget();
    this.feed({
      kind: 'request',
      request: { ...this.answer(undefined), subscribe, unsubscribe, has, answers: this.answers('') },
    });
    this.started = true;
  }

  protected override check(response: Response): void {
    super.check(response);
    assert.ok(this.inbox.length < MAX_UNANSWERED, 'unanswered responses are bounded');
    for (const { name, version } of response.body.resources) {
      for (const each of namesOf(name, version)) this.unanswered.delete(each);
      this.unanswered.delete(globOf(name) ?? '');
    }
    for (const name of response.body.removed) this.unanswered.delete(name);
    for (const { name } of response.body.errors ?? []) this.unanswered.delete(name);
  }

  protected apply(body: ResponseBody): void {
    this.take(body);
    for (const name of body.removed) this.holds.delete(name);
  }

  protected answer(error: string | undefined): Told<DeltaRequest> {
    return {
      typeUrl: urls[this.type],
      subscribe: [],
      unsubscribe: [],
      has: new Map(),
      answers: this.answers(this.nonce),
      error: error === undefined ? undefined : { code: 13, message: error },
    };
  }

  override converged(): void {
    super.converged();
    // After an error that may pass a client keeps what it has.
    const stale = (name: string): boolean => isTransient(Number.parseInt(this.reasons.get(name) ?? '5', 10));
    assert.deepEqual(sorted(new Map([...this.holds].filter(([name]) => !stale(name)))), sorted(this.owed()));
    assert.deepEqual([...this.unanswered], [], 'R16, R29: every subscribed name was answered');
  }
}

function sorted(map: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** All names of a resource, its aliases included. */
function namesOf(name: string, content: string): readonly string[] {
  return [name, ...(/aliases=(\S+)/.exec(content)?.[1]?.split(',') ?? [])];
}

/** The glob around a name of the form `xdstp://x/T/p/a`. */
function globOf(name: string): string | undefined {
  return name.startsWith('xdstp://') ? name.replace(/[^/]*$/, '*') : undefined;
}

/** True if a resource of this content is among those that a name asks for. */
function answersTo(asked: string, name: string, content: string): boolean {
  return namesOf(name, content).includes(asked) || (asked === globOf(name) && !content.includes('onDemand'));
}

const NOT_FOUND = 5;
const codes = new Map([
  ['PERMISSION_DENIED', 7],
  ['UNAVAILABLE', 14],
]);

function errorIn(content = ''): { readonly code: number; readonly message: string } | undefined {
  const [, code, message = ''] = /^error=(\w+) (.*)/.exec(content) ?? [];
  return code ? { code: codes.get(code) ?? 0, message } : undefined;
}

function reasonOf(code: number, message: string): string {
  return code === NOT_FOUND ? '5' : `${code} ${message}`;
}

function isTransient(code: number): boolean {
  return code !== NOT_FOUND && code !== codes.get('PERMISSION_DENIED');
}

function isAbsence({ value }: EncodedResource): boolean {
  return value.length === 0;
}
