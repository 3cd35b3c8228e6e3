import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { ErrorReply, OverrideWriteReply, WeightsReply } from '../../src/admin/api.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { type Load, loadOn } from '../support/load.ts';
import { assertShare, assertValues } from '../support/statistics.ts';
import { until } from '../support/until.ts';
import { pair, pairPolicy, type RuleInput, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const ports = { delta: await world.port(), sotw: await world.port() };
const [a, b, c] = await world.backends('a', 'b', 'c');

const everyone: RuleInput = {
  name: 'everyone',
  match: { path: '/catalog' },
  to: [
    { service: 'catalog', version: 'v1', weight: 100 },
    { service: 'catalog', version: 'v2', weight: 0 },
  ],
};
const catalog: ServiceInput = {
  endpoints: [
    { address: a.address, labels: { version: 'v1' } },
    { address: b.address, labels: { version: 'v2' } },
  ],
  versions: { v1: { labels: { version: 'v1' } }, v2: { labels: { version: 'v2' } } },
};
const loaded: RuleInput = { name: 'loaded', match: { path: '/loaded' }, to: [{ service: 'loaded' }] };
const services: Record<string, ServiceInput> = { catalog, loaded: { endpoints: [{ address: a.address }] } };
const base = pairPolicy(ports, { services, rules: [everyone, loaded] });

await world.start(base, pair);
const modern = await world.backend({ name: 'modern', protocol: 'http2' });
// Long enough that a change always finds requests under way.
for (const backend of [a, b, c, modern]) backend.behave(({ url }) => (url === '/loaded' ? { delay: 120 } : {}));

const shiftUrl = (query = '', rule = 'everyone') => `/api/v1/routes/shop/rules/${rule}/weights${query}`;
const shift = (weights: object, query = '?wait=acked', rule = 'everyone') =>
  world.plane.api<OverrideWriteReply & ErrorReply>('PUT', shiftUrl(query, rule), weights);
const unshift = () => world.plane.api<OverrideWriteReply>('DELETE', shiftUrl('?wait=acked'));
const counted = async (requests: number) => ({
  delta: await askMany(requests, () => ask(ports.delta, '/catalog')),
  sotw: await askMany(requests, () => ask(ports.sotw, '/catalog')),
});

describe('a traffic shift', () => {
  it('shows in traffic as soon as its call is answered', async () => {
    covers('routes.*.rules[].name');
    for (const [weights, expected] of [
      [{ 'catalog@v1': 0, 'catalog@v2': 100 }, 'b'],
      [{ 'catalog@v1': 100, 'catalog@v2': 0 }, 'a'],
      [{ 'catalog@v1': 0, 'catalog@v2': 1 }, 'b'],
    ] as const) {
      const { status, body } = await shift(weights);
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual([body.acknowledged?.concerned, body.acknowledged?.acked], [2, 2]);
      const counts = await counted(30);
      assertValues(counts.delta, [expected]);
      assertValues(counts.sotw, [expected]);
    }
    await shift({ 'catalog@v1': 80, 'catalog@v2': 20 });
    const counts = await counted(400);
    assertShare(counts.delta, 'b', 0.2);
    assertShare(counts.sotw, 'b', 0.2);
  });

  it('lies over the policy file, visibly, and ends by a call', async () => {
    const { body } = await world.plane.api<WeightsReply>('GET', shiftUrl());
    assert.deepEqual(body.declared, { 'catalog@v1': 100, 'catalog@v2': 0 });
    assert.deepEqual(body.effective, { 'catalog@v1': 80, 'catalog@v2': 20 });
    // An edit elsewhere does not fight it.
    await world.saved({ ...base, services: { ...services, extra: { endpoints: [{ address: c.address }] } } });
    assertShare((await counted(300)).delta, 'b', 0.2);
    const [override] = (await world.plane.policy()).overrides;
    assert.deepEqual([override?.target, override?.effect], ['routes/shop/rules/everyone', 'active']);
    assert.equal((await unshift()).status, 200);
    const counts = await counted(30);
    assertValues(counts.delta, ['a']);
    assertValues(counts.sotw, ['a']);
    await world.saved(base);
  });

  it('rests, visibly, while the rule sends elsewhere', async () => {
    assert.equal((await shift({ 'catalog@v1': 0, 'catalog@v2': 1 })).status, 200);
    const other: RuleInput = {
      ...everyone,
      to: [
        { service: 'catalog', version: 'v1' },
        { service: 'loaded', weight: 0 },
      ],
    };
    await world.saved(pairPolicy(ports, { services, rules: [other, loaded] }));
    const [override] = (await world.plane.policy()).overrides;
    assert.equal(override?.effect, 'suspended');
    assert.match(override?.why ?? '', /the rule now sends to catalog@v1, loaded/);
    assertValues((await counted(20)).delta, ['a']);
    await world.saved(base);
    assertValues((await counted(20)).delta, ['b']);
    assert.equal((await unshift()).status, 200);
  });

  it('is refused for rules and destinations that are not there', async () => {
    assert.equal((await shift({ 'catalog@v1': 1 }, '', 'nobody')).status, 404);
    assert.equal((await shift({ 'catalog@v3': 1, 'catalog@v1': 1 })).status, 422);
    assert.equal((await shift({ 'catalog@v1': 0, 'catalog@v2': 0 })).status, 422);
    assertValues((await counted(10)).delta, ['a']);
  });

  it('is not called a success where nobody is connected', async () => {
    const lonely: PolicyInput = {
      ...base,
      gateways: { ...base.gateways, lonely: { listeners: [{ port: await world.port(), protocol: 'http' }] } },
      fleets: { ...base.fleets, lonely: { match: { cluster: 'nobody' }, gateways: ['lonely'] } },
      routes: { ...base.routes, alone: { gateways: ['lonely'], rules: [everyone] } },
    };
    await world.saved(lonely);
    const url = '/api/v1/routes/alone/rules/everyone/weights?wait=acked&timeout=500ms';
    const { status, body } = await world.plane.api<OverrideWriteReply>('PUT', url, {
      'catalog@v1': 1,
      'catalog@v2': 1,
    });
    assert.equal(status, 202);
    assert.equal(body.acknowledged?.complete, false);
    assert.match(body.acknowledged?.summary ?? '', /^0 of 0 /);
    await world.saved(base);
  });
});

/** Runs with steady requests to both proxies, and asserts that none of them failed. */
async function underLoad(work: (loads: readonly [Load, Load]) => Promise<void>): Promise<void> {
  const loads = [loadOn(ports.delta, '/loaded'), loadOn(ports.sotw, '/loaded')] as const;
  try {
    await loads[0].more(20);
    await work(loads);
    await loads[0].more(20);
  } finally {
    await Promise.all(loads.map(load => load.end()));
  }
  assert.deepEqual(
    loads.map(load => load.failures),
    [[], []],
  );
}

describe('a save under load', () => {
  it('costs no request, whatever it changes', async t => {
    const checked: ServiceInput = {
      endpoints: [{ address: a.address }, { address: b.address, weight: 3 }],
      healthCheck: { http: { path: '/health' }, interval: '100ms' },
    };
    const to = (service: string): RuleInput => ({ ...loaded, to: [{ service }] });
    const extraPort = await world.port();
    const steps: Readonly<Record<string, PolicyInput>> = {
      'another endpoint': policyWith({ loaded: { endpoints: [{ address: a.address }, { address: b.address }] } }),
      'the endpoint replaced': policyWith({ loaded: { endpoints: [{ address: b.address }] } }),
      'settings of the cluster': policyWith({ loaded: { ...checked, connectTimeout: '300ms' } }),
      'another balancing': policyWith({ loaded: { ...checked, loadBalancing: { policy: 'ringHash' } } }),
      'the service renamed': policyWith({ renamed: checked }, [to('renamed')]),
      'renamed again, with another endpoint': policyWith({ again: { endpoints: [{ address: c.address }] } }, [
        to('again'),
      ]),
      'rules before it': policyWith({ again: { endpoints: [{ address: c.address }] } }, [
        { match: { path: '/loaded', headers: { 'x-nobody': '1' } }, to: [{ service: 'catalog' }] },
        to('again'),
      ]),
      'another service, of another protocol': policyWith(
        { modern: { endpoints: [{ address: modern.address }], protocol: 'http2' } },
        [to('modern')],
      ),
      'another listener': { ...base, gateways: gatewaysWith(extraPort) },
      'as it was': base,
    };
    const took: number[] = [];
    await underLoad(async ([delta, sotw]) => {
      for (const [what, policy] of Object.entries(steps)) {
        const failedBefore = delta.failures.length + sotw.failures.length;
        took.push(await world.saved(policy));
        await delta.more(15);
        assert.equal(
          delta.failures.length + sotw.failures.length,
          failedBefore,
          `${what}: ${[...delta.failures, ...sotw.failures]}`,
        );
      }
    });
    t.diagnostic(`milliseconds from each save to every Envoy: ${took.map(Math.round).join(', ')}`);
  });

  it('followed at once by others ends with the last', async () => {
    await underLoad(async ([delta]) => {
      for (let save = 0; save < 25; save++) {
        const [service, backend] = save % 2 === 0 ? (['even', a] as const) : (['odd', b] as const);
        const rule: RuleInput = { ...loaded, to: [{ service }] };
        world.save(policyWith({ [service]: { endpoints: [{ address: backend.address, weight: save + 1 }] } }, [rule]));
        await pause(15);
      }
      await world.saved(
        policyWith({ last: { endpoints: [{ address: c.address }] } }, [{ ...loaded, to: [{ service: 'last' }] }]),
      );
      assert.equal((await ask(ports.delta, '/loaded')).by, 'c');
      assert.equal((await ask(ports.sotw, '/loaded')).by, 'c');
      await delta.more(10);
    });
    await world.saved(base);
  });

  it('that is broken changes nothing, and is shown', async () => {
    const held = async () => (await world.plane.policy()).fleets.map(each => each.version);
    const before = await held();
    const revision = (await world.plane.policy()).revision?.number;
    await underLoad(async ([delta]) => {
      for (const [text, code, line] of [
        ['services:\n  loaded: { endpoints: [\n', /^syntax\./, 2],
        [JSON.stringify(base).replace('"loaded"', '"laoded"'), /not_found/, 1],
        ['services:\n  loaded:\n    endpoint: []\n', /^schema\.unknown_key/, 3],
      ] as const) {
        const seen = (await world.plane.policy()).rejected?.at;
        world.save(text);
        const rejected = await until('the save is shown as rejected', async () => {
          const found = (await world.plane.policy()).rejected;
          return found !== null && found.at !== seen && found;
        });
        const first = rejected.problems.find(each => each.severity === 'error');
        assert.match(first?.code ?? '', code);
        assert.equal(first?.file, world.policyFile);
        if (line > 1) assert.ok((first?.line ?? 0) >= line - 1, JSON.stringify(first));
        assert.deepEqual(await held(), before);
        assert.equal((await world.plane.policy()).revision?.number, revision);
        await delta.more(10);
      }
    });
    for (const { id } of world.envoys) assert.equal((await world.proxy(id))?.state, 'synced');
    world.save(base);
    await until('the good file is in force', async () => (await world.plane.policy()).rejected === null);
  });

  it('that is written piece by piece is taken when it is whole', async () => {
    const whole = JSON.stringify(policyWith({ loaded: { endpoints: [{ address: c.address }] } }), undefined, 2);
    await underLoad(async ([delta]) => {
      for (const part of [0.3, 0.6, 0.9]) {
        world.save(whole.slice(0, Math.floor(whole.length * part)));
        await pause(30);
      }
      world.save(whole);
      await until('the whole file is in force', async () => {
        await delta.more(1);
        return delta.answers.at(-1) === 'c';
      });
    });
    await world.saved(base);
  });
});

function policyWith(changed: Record<string, ServiceInput>, rules: RuleInput[] = [loaded]): PolicyInput {
  return pairPolicy(ports, { services: { catalog, ...changed }, rules: [everyone, ...rules] });
}

function gatewaysWith(extra: number): NonNullable<PolicyInput['gateways']> {
  const gateways = structuredClone(base.gateways ?? {});
  gateways['delta']?.listeners.push({ port: extra, address: '127.0.0.1', protocol: 'http' });
  return gateways;
}
