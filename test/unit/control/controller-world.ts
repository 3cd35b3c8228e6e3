import type { Clock } from '../../../src/control/clock.ts';
import type { SubmitOptions } from '../../../src/control/control.ts';
import { Controller, type ControllerOptions } from '../../../src/control/controller.ts';
import type { Names } from '../../../src/control/names.ts';
import { pipeline } from '../../../src/control/pipeline.ts';
import type { EndpointOverride } from '../../../src/policy/operational-state.ts';
import { Board, type Publication } from '../../../src/snapshot/board.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { type Store, StoreError } from '../../../src/store/store.ts';

/** A policy of one service with two versions, one route with one named rule, one fleet. */
export function shopPolicy(
  changes: { readonly endpoints?: string; readonly to?: string; readonly more?: string } = {},
): string {
  const endpoints =
    changes.endpoints ??
    `
      - { address: "10.0.0.1:80", labels: { version: v1 } }
      - { address: "10.0.0.2:80", labels: { version: v1 } }
      - { address: "10.0.0.3:80", labels: { version: v2 } }`;
  const to =
    changes.to ?? '[{ service: catalog, version: v1, weight: 95 }, { service: catalog, version: v2, weight: 5 }]';
  return `
services:
  catalog:
    endpoints: ${endpoints}
    versions: { v1: { labels: { version: v1 } }, v2: { labels: { version: v2 } } }
  other:
    endpoints: [{ address: "10.0.1.1:80" }]
gateways:
  public: { listeners: [{ port: 10000, protocol: http }] }
  back: { listeners: [{ port: 10001, protocol: http }] }
routes:
  shop:
    gateways: [public]
    hosts: [shop.test]
    rules:
      - match: { path: { prefix: /plain } }
        to: [{ service: other }]
      - { name: gone, match: { path: { prefix: /gone } }, respond: { status: 410 } }
      - name: everyone
        to: ${to}
  back:
    gateways: [back]
    rules: [{ name: all, to: [{ service: other }] }]
fleets:
  edge: { match: { cluster: edge }, gateways: [public] }
  back: { match: { cluster: back }, gateways: [back] }
${changes.more ?? ''}`;
}

/** A clock that stands still until it is moved. */
class TestClock implements Clock {
  #now = 1_800_000_000_000;
  #elapsed = 0;
  #timers: { readonly at: number; readonly act: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, act: () => void): () => void {
    const timer = { at: this.#elapsed + ms, act };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter(each => each !== timer);
    };
  }

  pass(ms: number): void {
    this.#now += ms;
    this.#elapsed += ms;
    const due = this.#timers.filter(each => each.at <= this.#elapsed);
    this.#timers = this.#timers.filter(each => each.at > this.#elapsed);
    for (const { act } of due) act();
  }

  /** Someone sets the date. */
  setDate(by: number): void {
    this.#now += by;
  }

  get timers(): number {
    return this.#timers.length;
  }
}

/** A store whose writes fail while `failing` is set. */
export class FailingStore extends MemoryStore {
  failing = false;

  #check(): void {
    if (this.failing) throw new StoreError('full', 'the disk is full');
  }

  override acceptRevision(
    ...args: Parameters<MemoryStore['acceptRevision']>
  ): ReturnType<MemoryStore['acceptRevision']> {
    this.#check();
    return super.acceptRevision(...args);
  }

  override putQuarantine(...args: Parameters<MemoryStore['putQuarantine']>): void {
    this.#check();
    super.putQuarantine(...args);
  }

  override changeOverrides(
    ...args: Parameters<MemoryStore['changeOverrides']>
  ): ReturnType<MemoryStore['changeOverrides']> {
    this.#check();
    return super.changeOverrides(...args);
  }

  override setFreeze(...args: Parameters<MemoryStore['setFreeze']>): void {
    this.#check();
    super.setFreeze(...args);
  }

  override addPublications(...args: Parameters<MemoryStore['addPublications']>): void {
    this.#check();
    super.addPublications(...args);
  }
}

class TestNames implements Names {
  answers: ReadonlyMap<string, readonly string[]> = new Map();
  wanted: ReadonlySet<string> = new Set();
  /** What a question brings. */
  readonly known = new Map<string, readonly string[]>();
  readonly asked: string[] = [];
  /** Questions wait for it. */
  hold: Promise<void> | undefined;

  readonly held = new Map<string, { readonly addresses: readonly string[] }>();

  accept(host: string): boolean {
    const held = this.held.get(host);
    if (!held) return false;
    this.held.delete(host);
    this.answers = new Map([...this.answers, [host, held.addresses]]);
    return true;
  }

  want(hosts: ReadonlySet<string>): void {
    this.wanted = hosts;
  }

  async ask(hosts: Iterable<string>): Promise<void> {
    const list = [...hosts];
    this.asked.push(...list);
    await this.hold;
    this.answers = new Map([
      ...this.answers,
      ...list.flatMap(host => {
        const found = this.known.get(host);
        return found ? [[host, found] as const] : [];
      }),
    ]);
  }
}

/** A controller with everything around it that a test can turn. */
export function world(options: Partial<ControllerOptions> & { readonly store?: Store } = {}) {
  const store = options.store ?? new FailingStore();
  const board = new Board();
  const published: Publication[] = [];
  board.subscribe(() => published.push(board.current!));
  const clock = new TestClock();
  const names = new TestNames();
  const reports: string[] = [];
  const controller = new Controller({
    store,
    board,
    pipeline,
    names,
    clock,
    report: message => reports.push(message),
    holdOff: () => 1,
    ...options,
  });
  const submit = (text: string, options: SubmitOptions = {}) =>
    controller.submit(
      [{ file: 'switchyard.yaml', format: 'yaml', text }],
      { author: 'ada', source: 'file', reason: 'saved' },
      options,
    );
  const shift = (weights: Record<string, number>, rule = 'everyone', route = 'shop') =>
    controller.shift({ route, rule, weights, by: 'ada' });
  const drain = (
    address: string,
    {
      force = false,
      ...ends
    }: { readonly force?: boolean } & Pick<EndpointOverride, 'expiresAt' | 'sessionsUntil'> = {},
  ) =>
    controller.overrideEndpoint(
      {
        service: 'catalog',
        address,
        state: 'draining',
        by: 'ada',
        ...ends,
      },
      { force },
    );
  /** Settles when every write before it has been done. */
  const quiet = () => controller.endOverride({ kind: 'shift', route: 'none', rule: 'none' });
  const versions = () => [...(board.current?.snapshots ?? [])].map(([key, snapshot]) => [key, snapshot.version]);
  return { store, board, published, clock, names, reports, controller, submit, shift, drain, versions, quiet };
}
