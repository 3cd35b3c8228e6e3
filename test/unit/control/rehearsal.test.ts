import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { typeUrl } from '../../../proto/codec.ts';
import type { DryRun, Effect } from '../../../src/control/control.ts';
import type { Plan } from '../../../src/control/plan.ts';
import { shopPolicy, world } from './controller-world.ts';

type World = ReturnType<typeof world>;

const by = 'ada';
const other = shopPolicy({ to: '[{ service: other }]' });
const few = shopPolicy({ endpoints: '[{ address: "10.0.0.1:80", labels: { version: v1 } }]' });
const named = shopPolicy().replace('"10.0.1.1:80"', '"app.internal:80"');
const clusters = typeUrl('envoy.config.cluster.v3.Cluster');
const address = '10.0.0.1:80';
const weights = { 'catalog@v1': 1, 'catalog@v2': 1 };
const shift = { route: 'shop', rule: 'everyone', weights, by };
const drain = { service: 'catalog', address, state: 'draining', by } as const;
const given = { service: 'catalog', source: 'test', weights: { [address]: 7 }, ttl: 60_000, force: false };
const cart = { kind: 'services', name: 'cart' } as const;

interface Came {
  readonly kind: string;
  readonly plan?: Plan;
  readonly effect?: Effect;
}

interface Write {
  readonly before?: (world: World) => unknown;
  readonly write: (world: World, dry: DryRun) => Promise<Came> | Came;
}

/** Each kind of write that there is. */
const writes: Readonly<Record<string, Write>> = {
  'a shift': { write: ({ controller }, dry) => controller.shift(shift, dry) },
  'the end of a shift': {
    before: ({ controller }) => controller.shift(shift),
    write: ({ controller }, dry) => controller.endOverride({ kind: 'shift', ...shift }, { by }, dry),
  },
  'a drain': { write: ({ controller }, dry) => controller.overrideEndpoint(drain, { force: false, ...dry }) },
  'a drain of all': {
    write: ({ controller }, dry) => {
      const all = { service: 'catalog', state: 'disabled', by } as const;
      return controller.overrideEndpoints(all, { force: true, ...dry });
    },
  },
  'the end of all drains': {
    before: ({ drain }) => drain(address),
    write: ({ controller }, dry) => controller.endEndpointOverrides('catalog', { by }, dry),
  },
  maintenance: { write: ({ controller }, dry) => controller.maintain({ of: 'service', name: 'catalog', by }, dry) },
  'computed weights': { write: ({ controller }, dry) => controller.computed.give(given, dry) },
  'the end of computed weights': {
    before: ({ controller }) => controller.computed.give(given),
    write: ({ controller }, dry) => controller.computed.end('catalog', dry),
  },
  'the end of a quarantine': {
    before: ({ controller, board }) => {
      const version = board.current?.snapshots.get('edge')?.types.get(clusters)?.resources.get('other')?.version ?? '';
      const content = { fleet: 'edge', typeUrl: clusters, name: 'other', version };
      const found = { ...content, message: 'no', proxies: ['a', 'b'], instead: undefined };
      return controller.changeQuarantine({ found });
    },
    write: ({ controller }, dry) =>
      controller.changeQuarantine({ release: { fleet: 'edge', typeUrl: clusters, name: 'other' } }, dry),
  },
  'a resource': {
    write: ({ controller }, { dryRun = false }) => {
      const spec = { endpoints: [{ address: '10.0.9.9:80' }] };
      const edit = { kind: 'services', name: 'other', change: { kind: 'put', spec } } as const;
      return controller.edit([edit], { by, takeOver: true, dryRun });
    },
  },
  'a rollback': {
    before: async ({ submit }) => void (await submit(other)),
    write: ({ controller }, dry) => controller.revisions.rollback({ to: 1, overrides: true, by, ...dry }),
  },
  'what was refused': {
    before: ({ submit }) => submit(few),
    write: ({ controller }, dry) =>
      controller.revisions.accept(controller.rejected?.acceptable ?? '', { by }, { ...dry }),
  },
  'a backup': {
    before: async ({ controller, submit }) => {
      const contents = controller.revisions.contents();
      kept.set(controller, { ...contents, revisions: [...contents.revisions] });
      await submit(other);
    },
    write: ({ controller }, dry) => controller.revisions.restore(kept.get(controller)!, { by }, dry),
  },
  'the addresses of a name': {
    before: async ({ submit, names }) => {
      names.known.set('app.internal', ['10.0.5.1', '10.0.5.2', '10.0.5.3']);
      await submit(named);
      names.held.set('app.internal', { addresses: ['10.0.5.1'] });
    },
    write: ({ controller, quiet }, { dryRun }) => {
      if (dryRun) {
        const plan = controller.nameAccepted('app.internal');
        return plan ? { kind: 'done', plan } : { kind: 'notFound' };
      }
      assert.ok(controller.acceptName('app.internal'));
      controller.namesChanged();
      return quiet().then(() => ({ kind: 'done' }));
    },
  },
  'a freeze at an earlier revision': {
    before: ({ submit }) => submit(other),
    write: ({ controller }, dry) => controller.freezing.freeze({ by }, 1, dry),
  },
  'the end of a freeze': {
    before: ({ controller, submit }) => {
      controller.freezing.freeze({ by });
      return submit(other);
    },
    write: ({ controller }, dry) => controller.freezing.thaw({ by }, dry),
  },
};
const kept = new WeakMap<object, ReturnType<World['controller']['revisions']['contents']>>();

const done = ({ kind }: Came) => kind === 'done' || kind === 'accepted';
const versionsOf = (plan: Plan | undefined) =>
  [...(plan?.after.snapshots ?? [])].map(([key, snapshot]) => [key, snapshot.version]);

/** All that a write could have changed. */
function state({ store, board, controller, clock, published, names }: World) {
  return {
    ...{ last: store.lastNumber(), publication: board.current, published: published.length, timers: clock.timers },
    ...{ accepted: controller.accepted, rejected: controller.rejected, freeze: controller.freezing.status },
    ...{ overrides: store.overrides(), quarantines: store.quarantines(), computed: controller.computed.all },
    ...{ answers: names.answers, held: names.held.size, stored: store.freeze() },
  };
}

async function shop(): Promise<World> {
  const it = world();
  await it.submit(shopPolicy());
  return it;
}

describe('a dry run', () => {
  for (const [name, { before, write }] of Object.entries(writes)) {
    it(`of ${name} changes nothing, and says what the write then leads to`, async () => {
      const it = await shop();
      await before?.(it);
      await it.quiet();
      const [earlier, now] = [state(it), it.versions()];
      const dry = await write(it, { dryRun: true });
      assert.ok(done(dry), JSON.stringify(dry));
      assert.deepEqual(state(it), earlier);
      assert.equal(state(it).accepted, earlier.accepted, 'the very same');
      const real = await write(it, {});
      assert.ok(done(real), JSON.stringify(real));
      assert.notDeepEqual(it.versions(), now, 'the write changes something');
      assert.deepEqual(versionsOf(dry.plan), it.versions());
      assert.equal(real.plan, undefined);
    });
  }

  it('is refused for what the write would be refused for', async () => {
    const { controller, drain: drainOf } = await shop();
    const last = { ...drain, address: '10.0.0.3:80' };
    assert.equal((await controller.overrideEndpoint(last, { force: false, dryRun: true })).kind, 'refused');
    assert.equal((await controller.overrideEndpoint(last, { force: true, dryRun: true })).kind, 'done');
    assert.equal((await controller.shift({ ...shift, rule: 'nobody' }, { dryRun: true })).kind, 'notFound');
    assert.equal((await controller.shift({ ...shift, weights: {} }, { dryRun: true })).kind, 'invalid');
    assert.equal((await controller.endEndpointOverrides('catalog', { by }, { dryRun: true })).kind, 'notFound');
    assert.equal((await drainOf(address)).kind, 'done');
  });

  it('says what the guard against shrinking would say', async () => {
    const { controller, submit } = await shop();
    const spec = { endpoints: [{ address: '10.0.0.1:80', labels: { version: 'v1' } }] };
    const put = { kind: 'services', name: 'catalog', change: { kind: 'patch', patch: spec } } as const;
    const outcome = await controller.edit([put], { by, takeOver: true, dryRun: true });
    assert.ok(outcome.kind === 'done');
    assert.deepEqual(
      outcome.plan?.shrinks.map(each => [each.code, each.source?.file]),
      [['policy.shrinks', 'api:services/catalog']],
    );
    assert.equal((await controller.edit([put], { by, takeOver: true })).kind, 'rejected');
    await submit(few, { allowShrink: true });
    await submit(shopPolicy());
    const back = await controller.revisions.rollback({ to: 2, overrides: false, by, dryRun: true });
    assert.ok(back.kind === 'accepted' && back.plan?.shrinks.length === 1);
    const added = { ...cart, change: { kind: 'put', spec } } as const;
    const fine = await controller.edit([added], { by, dryRun: true });
    assert.ok(fine.kind === 'done' && fine.plan?.shrinks.length === 0);
  });

  it('says while all is frozen what waits for the end of it, and what goes through', async () => {
    const { controller, submit, versions } = await shop();
    controller.freezing.freeze({ by });
    await submit(other);
    const waits = await controller.maintain({ of: 'service', name: 'other', by }, { dryRun: true });
    assert.ok(waits.kind === 'done' && waits.effect.waitsForThaw);
    const before = versions();
    const options = { force: false, duringFreeze: true };
    const dry = await controller.overrideEndpoint(drain, { ...options, dryRun: true });
    assert.ok(dry.kind === 'done' && dry.effect.waitsForThaw === undefined);
    assert.deepEqual(versions(), before);
    assert.deepEqual(
      [...dry.plan!.before!.snapshots].map(([key, each]) => [key, each.version]),
      before,
    );
    await controller.overrideEndpoint(drain, options);
    assert.deepEqual(versionsOf(dry.plan), versions());
  });

  it('takes its turn after writes that wait', async () => {
    const { controller } = await shop();
    const write = controller.shift(shift);
    const dry = await controller.endOverride({ kind: 'shift', ...shift }, { by }, { dryRun: true });
    assert.equal((await write).kind, 'done');
    assert.equal(dry.kind, 'done');
  });

  it('finds nothing before the first policy', async () => {
    const { controller } = world();
    assert.equal((await controller.shift(shift, { dryRun: true })).kind, 'notFound');
    assert.equal((await controller.computed.give(given, { dryRun: true })).kind, 'notFound');
    const release = { fleet: 'edge', typeUrl: clusters, name: 'other' };
    assert.equal((await controller.changeQuarantine({ release }, { dryRun: true })).kind, 'notFound');
    assert.equal(controller.nameAccepted('app.internal'), undefined);
    assert.deepEqual(Object.keys(controller.freezing.freeze({ by }, undefined, { dryRun: true })), ['kind', 'status']);
  });
});
