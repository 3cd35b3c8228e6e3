import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { runCommand } from '../support/cli.ts';
import { ask } from '../support/client.ts';
import { until } from '../support/until.ts';
import { World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const [first, second] = [await world.port(), await world.port()];
const [one, two] = await world.backends('one', 'two');

const policy = `services:
  shop: { endpoints: [{ address: "\${SHOP_ADDRESS}" }] }
gateways:
  public:
    listeners:
      - port: \${SHOP_PORT:-${first}}
        address: 127.0.0.1
        protocol: http
routes:
  shop: { gateways: [public], rules: [{ to: [{ service: shop }] }] }
fleets:
  edge: { match: { cluster: edge }, gateways: [public] }
`;

const run = (...args: readonly string[]) =>
  runCommand([...args, '--data', world.dataFolder, '--admin', `127.0.0.1:${world.plane.adminPort}`], {
    cwd: world.folder,
  });

describe('variables of the environment in the policy', () => {
  it('decide where an Envoy listens and sends to, and a restart takes others', async () => {
    process.env['SHOP_ADDRESS'] = one.address;
    await world.start(policy, [{ id: 'edge-1', cluster: 'edge' }]);
    assert.equal((await ask(first, '/')).by, 'one');
    assert.match((await run('get', 'services/shop', '-o', 'json')).out, new RegExp(one.address));

    await world.plane.stop();
    process.env['SHOP_ADDRESS'] = two.address;
    process.env['SHOP_PORT'] = String(second);
    await world.plane.start();
    await until('the other port leads to the other application', async () => (await ask(second, '/')).by === 'two');
    const shown = await run('revision', 'show', '2', '-o', 'json');
    assert.match(shown.out, /"environment:"/, shown.err);

    const back = await run('rollback', '1', '--wait', '--timeout', '30s');
    assert.equal(back.code, 0, back.err);
    await until('what was then is again', async () => (await ask(first, '/')).by === 'one');
  });

  it('that are not set are said at their place, and nothing is taken', async () => {
    delete process.env['SHOP_ADDRESS'];
    await world.plane.stop();
    await world.plane.start();
    const status = await until('status says it', async () => {
      const { out } = await run('status');
      return out.includes('environment.unset') && out;
    });
    assert.match(status, /switchyard\.yaml:2:25: error: the variable SHOP_ADDRESS is not set \[environment\.unset\]/);
    assert.equal((await ask(first, '/')).by, 'one');
  });
});
