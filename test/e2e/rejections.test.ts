import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type RunningEnvoy, startEnvoy } from '../../envoy/process.ts';
import { Board } from '../../src/snapshot/board.ts';
import { type RawResource, rawSnapshot } from '../../src/snapshot/raw.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { bootstrap, bootstrapDefaults } from '../../src/translate/bootstrap.ts';
import { culprits } from '../../src/xds/culprit.ts';
import type { XdsEvent } from '../../src/xds/events.ts';
import { resourceType } from '../../src/xds/resource-type.ts';
import { XdsService } from '../../src/xds/service.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { freePort } from '../support/ports.ts';
import { around, type Ports } from '../support/raw-messages.ts';
import { type Edition, type Fault, type Kind, kindsOf, marker } from '../support/rejected.ts';
import { until } from '../support/until.ts';
import { publication, urls } from '../support/xds-fixtures.ts';
import { testXdsSettings } from '../support/xds-transport.ts';

async function portsOf(first: Backend, second: Backend): Promise<Ports> {
  const free: number[] = [];
  for (let count = 0; count < 9; count++) free.push(await freePort());
  const [main = 0, scoped = 0, hosts = 0, ...rest] = free;
  const places = { main, scoped, hosts, listeners: rest.slice(0, 3), tables: rest.slice(3) };
  return { ...places, first: first.port, second: second.port };
}

/** One Envoy of a variant, and a server that publishes whatever it is given: no policy, and no check before. */
class Rejecting {
  readonly variant: 'sotw' | 'delta';
  readonly events: XdsEvent[] = [];
  readonly #board = new Board();
  readonly #service: XdsService;
  readonly #editions = new Map<Kind, Edition>();
  #ports: Ports | undefined;
  #backends: readonly Backend[] = [];
  #envoy: RunningEnvoy | undefined;
  #last: Snapshot | undefined;
  #markers = 0;

  constructor(variant: 'sotw' | 'delta') {
    this.variant = variant;
    const settings = {
      ...testXdsSettings,
      port: 0,
      order: { gateLimit: 300, linger: 50, grace: 20, reopening: 20, lingerLimit: 300 },
    };
    this.#service = new XdsService(this.#board, settings, event => void this.events.push(event));
  }

  async start(): Promise<void> {
    const backends = [await startBackend({ name: 'first' }), await startBackend({ name: 'second' })] as const;
    this.#backends = backends;
    this.#ports = await portsOf(...backends);
    for (const kind of kindsOf(this.#ports, this.variant)) this.#editions.set(kind, 'first');
    this.publish();
    const base = bootstrap({
      node: { id: `rejects-${this.variant}`, cluster: 'edge' },
      xds: [`127.0.0.1:${await this.#service.listen()}`],
      variant: this.variant,
      admin: `127.0.0.1:${await freePort()}`,
      ...bootstrapDefaults,
    });
    this.#envoy = startEnvoy({ name: `rejects-${this.variant}`, bootstrap: base });
    await this.#envoy.ready(AbortSignal.timeout(30_000));
    for (const kind of this.#editions.keys()) await this.holds(kind, 'first');
  }

  async end(): Promise<void> {
    await this.#envoy?.stop();
    await this.#service.close(AbortSignal.timeout(500));
    for (const backend of this.#backends) await backend[Symbol.asyncDispose]();
  }

  kind(type: Kind['type']): readonly [Kind, Edition] {
    const found = [...this.#editions].find(([kind]) => kind.type === type);
    assert.ok(found);
    return found;
  }

  /** Everything good, in its edition of now, but for `changed`. */
  publish(changed: readonly RawResource[] = []): Snapshot {
    assert.ok(this.#ports);
    const good = [...this.#editions].flatMap(([kind, edition]) => kind.names.map(name => kind.good(name, edition)));
    this.#last = rawSnapshot('fleet', [...around(this.#ports, this.variant), ...good, ...changed], this.#last);
    this.#board.publish(publication(this.#last));
    return this.#last;
  }

  /** Publishes the other edition of a type, and waits until requests show it. */
  async turn(kind: Kind, edition: Edition): Promise<void> {
    this.#editions.set(kind, edition);
    this.publish();
    await this.holds(kind, edition);
  }

  async holds(kind: Kind, edition: Edition): Promise<void> {
    await until(`Envoy has the ${edition} of ${kind.type}`, async () => {
      const seen = await Promise.all(kind.names.map(kind.seen));
      return seen.every(each => each === edition) || undefined;
    });
  }

  /** What has happened to a type since there were `from` events. */
  about(type: Kind['type'], from: number): readonly XdsEvent[] {
    return this.events
      .slice(from)
      .filter(event => 'typeUrl' in event && event.typeUrl === urls[type] && event.kind !== 'subscribed');
  }

  /** Resolves when nothing more is sent of a type while others change and are acknowledged. */
  async silence(type: Kind['type'], changed: readonly RawResource[]): Promise<void> {
    const [, edition] = this.kind('RTDS');
    const other = type === 'RTDS' ? 'CDS' : 'RTDS';
    await until(`nothing more is sent of ${type}`, async () => {
      const known = this.about(type, 0).length;
      const from = this.events.length;
      this.#markers += 1;
      this.publish([...changed, marker(type, edition, this.#markers)]);
      await until('the change of another type is taken', () =>
        this.about(other, from).some(each => each.kind === 'acked'),
      );
      return this.about(type, 0).length === known;
    });
  }
}

/** The names that the response held: everything where absence deletes (R26), else what was changed. */
function namesSent({ type, names }: Kind, variant: 'sotw' | 'delta', { types }: Snapshot): readonly string[] {
  const all = variant === 'sotw' && resourceType(urls[type]).complete;
  return [...(types.get(urls[type])?.resources.keys() ?? [])].filter(name => all || names.includes(name));
}

async function reject(world: Rejecting, type: Kind['type'], { bad, says, named }: Fault): Promise<void> {
  const [kind, now] = world.kind(type);
  const next = now === 'first' ? 'second' : 'first';
  const guilty = kind.names[Math.floor(kind.names.length / 2)] ?? '';
  const changed = kind.names.map(name => (name === guilty ? bad(name) : kind.good(name, next)));
  const from = world.events.length;
  const snapshot = world.publish(changed);

  const nack = await until('it is answered', () =>
    world.about(type, from).find(event => event.kind === 'nacked' || event.kind === 'acked'),
  );
  assert.ok(nack.kind === 'nacked', 'it is taken');
  assert.match(nack.message, says);
  assert.equal(nack.code, 13);
  const names = namesSent(kind, world.variant, snapshot);
  const sent = world.about(type, from).find(event => event.kind === 'sent');
  assert.equal(sent?.kind === 'sent' && sent.resources, names.length);
  assert.deepEqual(
    culprits(urls[type], nack.message, names).map(each => each.name),
    named ? [guilty] : [],
  );

  await world.silence(type, changed);
  assert.equal(await kind.seen(guilty), now, 'it goes on with what it had');
  for (const name of kind.names) assert.match(await kind.seen(name), /^(first|second)$/);

  await world.turn(kind, next);
  await until('what is good is acknowledged', () => world.about(type, from).at(-1)?.kind === 'acked');
  const streams = world.events.filter(event => event.kind === 'opened' || event.kind === 'closed');
  assert.deepEqual(
    streams.map(event => event.kind),
    ['opened'],
    'the stream stays',
  );
}

const nowhere: Ports = { main: 0, scoped: 0, hosts: 0, listeners: [], tables: [], first: 0, second: 0 };

for (const variant of ['sotw', 'delta'] as const) {
  describe(`what a real Envoy rejects (${variant})`, { timeout: 120_000 }, () => {
    const world = new Rejecting(variant);
    before(() => world.start());
    after(() => world.end());
    for (const { type, faults } of kindsOf(nowhere, variant)) {
      for (const [index, { cause }] of faults.entries()) {
        it(`R9, R10, R42: ${type}: ${cause}`, async () => {
          const fault = world.kind(type)[0].faults[index];
          assert.ok(fault);
          await reject(world, type, fault);
        });
      }
    }
  });
}
