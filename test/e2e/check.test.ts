import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { envoyBinary } from '../../envoy/binary.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { runCommand } from '../support/cli.ts';
import { until } from '../support/until.ts';
import { edgePolicy, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const [port, adminPort] = [await world.port(), await world.port()];
const backend = await world.backend('one');

function policy(listeners: readonly number[], admin = '127.0.0.1:{metadata.admin}'): PolicyInput {
  const rules = [{ to: [{ service: 'catalog' }] }];
  const usual = edgePolicy(port, { services: { catalog: { endpoints: [{ address: backend.address }] } }, rules });
  const all = listeners.map(each => ({ port: each, address: '127.0.0.1', protocol: 'http' as const }));
  const fleet = {
    match: { cluster: 'edge' },
    gateways: ['public'],
    admin: { address: admin, within: ['127.0.0.1'], every: '1s' },
  };
  return { ...usual, gateways: { public: { listeners: all } }, fleets: { edge: fleet } };
}

const edge = { id: 'edge-1', cluster: 'edge', metadata: { admin: String(adminPort) } };
const [first] = await world.start(policy([port]), [{ ...edge, adminPort }]);

interface Finding {
  readonly id: string;
  readonly state: string;
  readonly message: string;
}

/** What `check` says here: its code, and each check that is not in order. */
async function check(...more: readonly string[]) {
  const { policyFile, dataFolder, xdsPort, folder } = world;
  const settings = ['--policy', policyFile, '--data', dataFolder, '--xds', `127.0.0.1:${xdsPort}`];
  const flags = [...settings, '--admin', `127.0.0.1:${world.plane.adminPort}`, '--envoy', envoyBinary(), '-o', 'json'];
  const { code, out, err } = await runCommand(['check', ...flags, ...more], { cwd: folder });
  assert.equal(err, '');
  const all: readonly Finding[] = JSON.parse(out).groups.flatMap((each: { readonly checks: Finding[] }) => each.checks);
  const wrong = all.filter(each => each.state === 'error' || each.state === 'warning');
  return {
    code,
    all,
    wrong: wrong.map(({ id, state }) => `${state} ${id}`),
    said: all.map(each => each.message).join('\n'),
  };
}

const finds = (what: string, ...more: readonly string[]) =>
  until(`check finds ${what}`, async () => {
    const found = await check(...more);
    return found.wrong.includes(what) && found;
  });

describe('switchyard check, with a real Envoy', () => {
  it('has nothing to find where all is well, and sees that the ports are those of the server', async () => {
    const { code, said } = await until('all is well', async () => {
      const found = await check();
      return found.wrong.length === 0 && /1 clock agreeing/.test(found.said) && found;
    });
    assert.equal(code, 0);
    assert.match(said, /--xds 127\.0\.0\.1:\d+ is where the server listens/);
    assert.match(said, /\nEnvoy 1\.\d+\.\d+ \(/);
    assert.match(said, /they speak delta xDS/);
    assert.match(said, /1 admin interface asked and answering/);
  });

  it('finds that another process has the port', async () => {
    const found = await check('--xds-rest', backend.address, '--only', 'listeners');
    assert.deepEqual([found.code, found.wrong], [1, ['error listeners.port']]);
    assert.match(found.said, /--xds-rest 127\.0\.0\.1:\d+ is in use by another process/);
  });

  it('finds a listener that the Envoy rejects, with its words and the place', async () => {
    world.save(policy([port, Number(backend.address.split(':')[1])]));
    const { code, said } = await finds('error envoys.configuration');
    assert.equal(code, 1);
    assert.match(said, /edge-1: it rejected LDS gateway\/public\/\d+ at .*switchyard\.yaml:\d+:\d+, .*cannot bind/);
    world.save(policy([port]));
    await world.synced();
  });

  it('finds that an admin interface is not where the fleet says', async () => {
    world.save(policy([port], backend.address));
    const { code } = await finds('warning envoys.admin');
    assert.equal(code, 2);
    world.save(policy([port]));
    await until('it is found again', async () => (await check('--only', 'envoys')).wrong.length === 0);
  });

  it('finds two Envoys with one node id, and the one that goes', async () => {
    const second = await world.startProxy({ ...edge, adminPort: await world.port() });
    const { code, said } = await finds('error envoys.identity', '--only', 'envoys');
    assert.equal(code, 1);
    assert.match(said, /2 Envoys say that they are "edge-1"/);
    await Promise.all([first?.stop(), second.stop()]);
    const gone = await finds('warning envoys.connected', '--only', 'envoys');
    assert.match(gone.said, /edge-1 has gone/);
  });

  it('reads the store when the server is down, and misses the server that was named', async () => {
    await world.plane.stop();
    const offline = await check('--offline');
    assert.deepEqual([offline.code, offline.wrong], [0, []]);
    assert.match(offline.said, /the store is whole, up to revision \d+/);
    assert.match(offline.said, /--xds 127\.0\.0\.1:\d+ is free/);
    const online = await check();
    assert.deepEqual([online.code, online.wrong], [1, ['error server.reachable']]);
  });
});
