import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OverrideOutcome } from '../../../src/control/control.ts';
import type { EndpointsOverride } from '../../../src/control/decide-endpoints.ts';
import { readableSnapshot } from '../../../src/snapshot/readable.ts';
import { type Revision, StoreError } from '../../../src/store/store.ts';
import { FailingStore, shopPolicy, world } from './controller-world.ts';

/** Counts its writes of overrides. */
class CountingStore extends FailingStore {
  readonly written: string[] = [];
  override changeOverrides(...[change, about]: Parameters<FailingStore['changeOverrides']>): Revision | undefined {
    const made = super.changeOverrides(change, about);
    if (made) this.written.push(`${change.put.length} and ${change.end.length}`);
    return made;
  }
}

/** A catalog of two endpoints, with a fallback where one is given. */
const catalog = ({ fallback = '', endpoints = ['10.0.0.1:80', '10.0.0.2:80'] } = {}) => `
services:
  catalog:
    endpoints: [${endpoints.map(each => `{ address: "${each}" }`).join()}]
${fallback === '' ? '' : `    fallback: ${fallback}\n`}  spare:
    endpoints: [{ address: "10.0.1.1:80" }]
gateways:
  public: { listeners: [{ port: 10000, protocol: http }] }
routes:
  shop: { gateways: [public], hosts: ["*"], rules: [{ to: [{ service: catalog }] }] }
fleets:
  edge: { match: { cluster: edge }, gateways: [public] }
`;

async function shop(text = catalog({ fallback: 'spare' })) {
  const store = new CountingStore();
  const made = world({ store });
  await made.submit(text);
  const all = (change: Partial<EndpointsOverride> = {}, force = false) =>
    made.controller.overrideEndpoints({ service: 'catalog', state: 'draining', by: 'ada', ...change }, { force });
  const told = () => {
    const text = JSON.stringify(readableSnapshot(made.board.current!.snapshots.get('edge')!));
    return text.split('"DRAINING"').length - 1;
  };
  return { ...made, store, all, told, undo: () => made.controller.endEndpointOverrides('catalog') };
}

function done(outcome: OverrideOutcome): NonNullable<Extract<OverrideOutcome, { kind: 'done' }>['endpoints']> {
  assert.ok(outcome.kind === 'done' && outcome.endpoints, JSON.stringify(outcome));
  return outcome.endpoints;
}

const both = ['10.0.0.1:80', '10.0.0.2:80'];

describe('an override of all endpoints of a service', () => {
  it('is one of each, by one write and one publication, and ends likewise', async () => {
    const it = await shop();
    const before = it.versions();
    const outcome = await it.all();
    assert.deepEqual(done(outcome).addresses, both);
    assert.deepEqual(
      done(outcome).statuses.map(({ override, effect }) => [override.kind, override.since, effect]),
      both.map(() => ['endpoint', it.clock.now(), 'active']),
    );
    assert.deepEqual([...(outcome.kind === 'done' ? outcome.effect.concerned.keys() : [])], ['edge']);
    assert.equal(it.store.overrides().length, 2);
    assert.ok(it.told() >= 2);
    const ended = done(await it.undo());
    assert.deepEqual([ended.addresses, ended.statuses], [both, []]);
    assert.deepEqual(it.store.overrides(), []);
    assert.deepEqual(it.versions(), before);
    assert.deepEqual(it.store.written, ['2 and 0', '0 and 2']);
    assert.equal(it.published.length, 3);
  });

  it('is refused where nothing takes over, and then drains none', async () => {
    const it = await shop(catalog());
    assert.deepEqual(await it.all(), {
      kind: 'refused',
      why: 'no usable endpoint would be left of service "catalog"',
    });
    assert.deepEqual([it.store.overrides(), it.store.written, it.published.length], [[], [], 1]);
    assert.deepEqual(done(await it.all({}, true)).addresses, both);
  });

  it('is refused where what would take over drains', async () => {
    const it = await shop();
    const spare = { service: 'spare', address: '10.0.1.1:80', state: 'draining', by: 'ada' } as const;
    await it.controller.overrideEndpoint(spare, { force: true });
    assert.equal((await it.all()).kind, 'refused');
  });

  it('is refused for a version that traffic is sent to, whatever takes over from the service', async () => {
    const text = shopPolicy()
      .replace('v1: { labels: { version: v1 } }', 'v1: { labels: { version: v1 }, fallback: old }')
      .replace('    versions:', '    fallback: other\n    versions:')
      .replace('  other:', '  old: { endpoints: [{ address: "10.0.2.1:80", state: draining }] }\n  other:');
    const it = await shop(text);
    const outcome = await it.all();
    assert.match(JSON.stringify(outcome), /"refused".*no usable endpoint would be left of version \\"v1\\" of service/);
    assert.deepEqual(it.store.overrides(), []);
  });

  it('changes only what is not so yet, and nothing when it is made again', async () => {
    const it = await shop();
    await it.drain('10.0.0.1:80');
    assert.deepEqual(done(await it.all()).addresses, both);
    const again = await it.all();
    assert.deepEqual(done(again).addresses, both);
    assert.equal(again.kind === 'done' && again.effect.changed, false);
    assert.deepEqual(it.store.written, ['1 and 0', '1 and 0']);
  });

  it('keeps their weights, which its end ends', async () => {
    const it = await shop();
    const weight = { service: 'catalog', address: '10.0.0.1:80', weight: 7, by: 'bob' };
    await it.controller.overrideEndpoint(weight, { force: false });
    const { statuses } = done(await it.all({ state: 'disabled' }));
    assert.deepEqual(
      statuses.map(({ override }) => override.kind === 'endpoint' && [override.weight, override.state]),
      [
        [7, 'disabled'],
        [undefined, 'disabled'],
      ],
    );
    await it.undo();
    assert.deepEqual(it.controller.accepted?.overrides, []);
  });

  it('ends by itself, for each', async () => {
    const it = await shop();
    const before = it.versions();
    await it.all({ expiresAt: it.clock.now() + 60_000 });
    it.clock.pass(60_000);
    await it.quiet();
    assert.deepEqual(it.store.overrides(), []);
    assert.deepEqual(it.versions(), before);
  });

  it('ends their sessions; without a fallback the last goes on draining', async () => {
    for (const [text, states] of [
      [catalog({ fallback: 'spare' }), ['disabled', 'disabled']],
      [catalog(), ['disabled', 'draining']],
    ] as const) {
      const it = await shop(text);
      await it.all({ sessionsUntil: it.clock.now() + 1000 }, true);
      it.clock.pass(1000);
      await it.quiet();
      const overrides = it.controller.accepted?.overrides ?? [];
      assert.deepEqual(
        overrides.map(({ override }) => override.kind === 'endpoint' && override.state),
        states,
      );
    }
  });

  it('is not one of an endpoint that comes later', async () => {
    const it = await shop();
    await it.all();
    await it.submit(catalog({ fallback: 'spare', endpoints: [...both, '10.0.0.3:80'] }));
    assert.equal(it.store.overrides().length, 2);
  });

  it('has no effect when it cannot be stored, on any', async () => {
    const it = await shop();
    it.store.failing = true;
    await assert.rejects(it.all(), StoreError);
    assert.deepEqual([it.told(), it.controller.accepted?.overrides, it.published.length], [0, [], 1]);
  });

  it('is refused for what is not there or makes no sense', async () => {
    const it = await shop();
    const unknown = await it.all({ service: 'catalogue' });
    assert.match(JSON.stringify(unknown), /"notFound".*did you mean/);
    assert.equal((await it.all({ expiresAt: it.clock.now() })).kind, 'invalid');
    assert.equal((await it.all({ state: 'disabled', sessionsUntil: it.clock.now() + 1 })).kind, 'invalid');
    assert.match(JSON.stringify(await it.undo()), /Nothing overrides an endpoint of/);
    assert.match(JSON.stringify(await it.controller.endEndpointOverrides('catalogue')), /did you mean/);
    const empty = await shop(catalog({ endpoints: [] }));
    assert.match(JSON.stringify(await empty.all()), /has no endpoints/);
  });
});
