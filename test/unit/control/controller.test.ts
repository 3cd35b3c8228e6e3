import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pipeline } from '../../../src/control/pipeline.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { StoreError } from '../../../src/store/store.ts';
import { FailingStore, shopPolicy, world } from './controller-world.ts';

describe('submit', () => {
  it('publishes nothing before the first policy is accepted (P19)', async () => {
    const { controller, submit, published, board } = world();
    controller.start();
    assert.equal(board.current, undefined);
    assert.equal(controller.accepted, undefined);
    await submit('services: [broken');
    assert.equal(board.current, undefined);
    assert.ok(controller.rejected);
    const outcome = await submit(shopPolicy());
    assert.equal(outcome.kind, 'accepted');
    assert.deepEqual([...board.current!.snapshots.keys()], ['back', 'edge']);
    assert.equal(published.length, 1);
    assert.equal(controller.rejected, undefined);
  });

  it('stores what it accepts, with author, source and reason', async () => {
    const { clock, submit, store } = world();
    await submit(shopPolicy());
    const { documents, overrides, ...rest } = store.latestRevision()!;
    const about = { at: clock.now(), author: 'ada', source: 'file', reason: 'saved' };
    const what = 'the first policy: 2 services, 2 routes, 2 gateways, 2 fleets';
    assert.deepEqual(rest, { number: 1, ...about, kind: 'declared', what });
    assert.deepEqual(overrides, []);
    assert.equal(documents[0]?.text, shopPolicy());
  });

  it('takes all of a save or nothing, and goes on with what was accepted', async () => {
    const { controller, submit, published, store } = world();
    await submit(shopPolicy());
    const before = controller.accepted;
    const broken = shopPolicy({ to: '[{ service: catalogue }]', more: 'extra: {}' });
    const outcome = await submit(broken);
    assert.equal(outcome.kind, 'rejected');
    const misspelt = '  more: { match: { cluster: more }, gatewais: [public] }';
    const both = await submit(shopPolicy({ to: '[{ service: catalogue }]', more: misspelt }));
    assert.ok(both.kind === 'rejected');
    assert.deepEqual(
      both.problems.map(each => each.code),
      ['route.service_not_found', 'schema.unknown_key'],
    );
    const structural = await submit(shopPolicy({ to: '[{ service: catalogue }]' }));
    assert.ok(structural.kind === 'rejected');
    const problem = structural.problems.find(each => each.code === 'route.service_not_found');
    assert.equal(problem?.source?.file, 'switchyard.yaml');
    assert.ok(problem!.source!.line > 10);
    assert.equal(controller.accepted, before);
    assert.equal(controller.rejected?.problems, structural.problems);
    assert.equal(store.latestRevision()?.number, 1);
    assert.equal(published.length, 1);
  });

  it('leaves fleets that a save does not touch as they are, to the object', async () => {
    const { submit, board } = world();
    await submit(shopPolicy());
    const before = board.current!.snapshots;
    const outcome = await submit(shopPolicy({ to: '[{ service: catalog, version: v2 }]' }));
    assert.ok(outcome.kind === 'accepted');
    assert.equal(board.current!.snapshots.get('back'), before.get('back'));
    assert.notEqual(board.current!.snapshots.get('edge'), before.get('edge'));
    assert.deepEqual([...outcome.effect.concerned.keys()], ['edge']);
    assert.equal(outcome.effect.changed, true);
  });

  it('publishes nothing for a save that changes only how the file looks', async () => {
    const { submit, published } = world();
    await submit(shopPolicy());
    const outcome = await submit(`# a comment\n${shopPolicy()}`);
    assert.ok(outcome.kind === 'accepted');
    assert.equal(outcome.revision.number, 2);
    assert.equal(outcome.effect.changed, false);
    assert.deepEqual([...outcome.effect.concerned.keys()].sort(), ['back', 'edge']);
    assert.equal(published.length, 1);
  });

  it('accepts with warnings', async () => {
    const { controller, submit } = world();
    const outcome = await submit(shopPolicy({ more: '' }).replace('[public]\n    hosts', '[]\n    hosts'));
    assert.ok(outcome.kind === 'accepted');
    assert.ok(outcome.warnings.some(each => each.code === 'route.not_attached'));
    assert.deepEqual(controller.accepted?.warnings, outcome.warnings);
  });

  it('puts nothing in force that could not be stored, and does once it can', async () => {
    const store = new FailingStore();
    const { controller, submit, published } = world({ store });
    await submit(shopPolicy());
    store.failing = true;
    const next = shopPolicy({ to: '[{ service: other }]' });
    await assert.rejects(submit(next), (error: unknown) => error instanceof StoreError && error.kind === 'full');
    assert.equal(published.length, 1);
    assert.equal(controller.accepted?.revision.number, 1);
    store.failing = false;
    assert.equal((await submit(next)).kind, 'accepted');
    assert.equal(published.length, 2);
  });

  it('takes saves in the order in which they came, however slow their names are (P16)', async () => {
    const { controller, submit, names } = world();
    const { promise, resolve } = Promise.withResolvers<void>();
    names.hold = promise;
    const slow = submit(shopPolicy({ endpoints: '[{ address: "slow.test:80", labels: { version: v1 } }]' }));
    const fast = submit(shopPolicy());
    resolve();
    assert.equal((await slow).kind, 'accepted');
    assert.equal((await fast).kind, 'accepted');
    assert.equal(controller.accepted?.revision.documents[0]?.text, shopPolicy());
  });

  it('survives a stage that fails, and a listener that fails', async () => {
    let broken = true;
    const { controller, submit, reports } = world({
      pipeline: {
        ...pipeline,
        build: (...args) => {
          if (broken) throw new Error('a bug');
          return pipeline.build(...args);
        },
      },
    });
    controller.onChange(() => {
      throw new Error('another bug');
    });
    await assert.rejects(submit(shopPolicy()), /a bug/);
    broken = false;
    assert.equal((await submit(shopPolicy())).kind, 'accepted');
    assert.deepEqual(reports, ['a listener failed']);
  });
});

describe('preview', () => {
  it('says what a save would do and does nothing', async () => {
    const { controller, submit, published, store } = world();
    await submit(shopPolicy());
    const documents = (text: string) => [{ file: 'a.yaml', format: 'yaml', text }] as const;
    const preview = await controller.preview(documents(shopPolicy({ to: '[{ service: other }]' })));
    assert.ok(preview.kind === 'acceptable');
    assert.deepEqual([...preview.effect.concerned.keys()], ['edge']);
    assert.notEqual(preview.snapshots.get('edge')?.version, published[0]?.snapshots.get('edge')?.version);
    assert.equal((await controller.preview(documents('services: 1'))).kind, 'rejected');
    assert.equal(published.length, 1);
    assert.equal(store.latestRevision()?.number, 1);
    assert.equal(controller.rejected, undefined);
  });
});

describe('start', () => {
  it('serves the same bytes as before, overrides and names included, without any file', async () => {
    const store = new MemoryStore();
    const first = world({ store });
    first.names.known.set('app.test', ['10.9.0.1', '10.9.0.2']);
    const endpoints =
      '[{ address: "app.test:80", labels: { version: v1 } }, { address: "10.0.0.3:80", labels: { version: v2 } }]';
    await first.submit(shopPolicy({ endpoints }));
    await first.shift({ 'catalog@v1': 50, 'catalog@v2': 50 });
    await first.drain('10.0.0.3:80', { force: true });
    await first.submit('services: [broken');

    const second = world({ store });
    second.names.answers = first.names.answers;
    second.controller.start();
    assert.equal(second.published.length, 1);
    assert.deepEqual(second.versions(), first.versions());
    assert.deepEqual(second.controller.accepted?.overrides, first.controller.accepted?.overrides);
    assert.deepEqual([...second.names.wanted], ['app.test']);
  });

  it('publishes nothing when it cannot take the stored revision, and says why', async () => {
    const store = new MemoryStore();
    store.acceptRevision({
      at: 1,
      author: 'a',
      source: 'file',
      reason: '',
      documents: [{ file: 'a.yaml', format: 'yaml', text: 'old: 1' }],
    });
    const { controller, board, submit } = world({ store });
    controller.start();
    assert.equal(board.current, undefined);
    assert.equal(controller.rejected?.problems[0]?.code, 'schema.unknown_key');
    assert.equal((await submit(shopPolicy())).kind, 'accepted');
    assert.ok(board.current);
  });

  it('lives on when the stored revision makes a stage fail (P10)', () => {
    const store = new MemoryStore();
    store.acceptRevision({
      at: 1,
      author: 'a',
      source: 'file',
      reason: '',
      documents: [{ file: 'a.yaml', format: 'yaml', text: shopPolicy() }],
    });
    const { controller, board, reports } = world({
      store,
      pipeline: {
        ...pipeline,
        build: () => {
          throw new Error('poison');
        },
      },
    });
    controller.start();
    assert.equal(board.current, undefined);
    assert.deepEqual(reports, ['the stored revision 1 cannot be served']);
  });
});

describe('host names', () => {
  const endpoints =
    '[{ address: "app.test:80", labels: { version: v1 } }, { address: "10.0.0.3:80", labels: { version: v2 } }]';

  it('asks for them before a save is compiled, and follows those of the accepted policy', async () => {
    const { submit, names } = world();
    names.known.set('app.test', ['10.9.0.1']);
    const outcome = await submit(shopPolicy({ endpoints }));
    assert.ok(outcome.kind === 'accepted');
    assert.deepEqual(outcome.warnings, []);
    assert.deepEqual(names.asked, ['app.test']);
    assert.deepEqual([...names.wanted], ['app.test']);
    await submit(shopPolicy());
    assert.deepEqual([...names.wanted], []);
  });

  it('follows names of what was not taken no longer', async () => {
    const { controller, submit, names } = world();
    names.known.set('app.test', ['10.9.0.1']);
    await submit(shopPolicy({ endpoints }));
    await submit(shopPolicy({ endpoints: '[{ address: "new.test:80" }]', to: '[{ service: nobody }]' }));
    assert.deepEqual([...names.wanted], ['app.test']);
    const text = shopPolicy({ endpoints: '[{ address: "other.test:80" }]' });
    await controller.preview([{ file: 'a.yaml', format: 'yaml', text }]);
    assert.deepEqual([...names.wanted], ['app.test']);
    assert.deepEqual(names.asked, ['app.test', 'new.test', 'other.test']);
  });

  it('republishes what a changed answer touches, once for many changes', async () => {
    const { controller, submit, names, board, published, quiet } = world();
    names.known.set('app.test', ['10.9.0.1']);
    await submit(shopPolicy({ endpoints }));
    const before = board.current!.snapshots;
    names.answers = new Map([['app.test', ['10.9.0.2']]]);
    for (let n = 0; n < 20; n++) controller.namesChanged();
    await quiet();
    assert.equal(published.length, 2);
    assert.equal(board.current!.snapshots.get('back'), before.get('back'));
    assert.notEqual(board.current!.snapshots.get('edge'), before.get('edge'));
    controller.namesChanged();
    await quiet();
    assert.equal(published.length, 2, 'an answer that is the same pushes nothing');
  });
});

describe('stop', () => {
  it('drops what waits and ends timers', async () => {
    const { controller, submit, shift, drain, clock } = world({ holdOff: () => 100 });
    await submit(shopPolicy());
    await drain('10.0.0.1:80', { expiresAt: clock.now() + 1000 }).catch(() => {});
    const waiting = shift({ 'catalog@v1': 1, 'catalog@v2': 1 });
    controller.stop();
    await assert.rejects(waiting, /the server is ending/);
    assert.equal(clock.timers, 0);
  });
});
