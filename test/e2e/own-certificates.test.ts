import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import { startEnvoy } from '../../envoy/process.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { runCommand } from '../support/cli.ts';
import { ask } from '../support/client.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const [shop, spare] = await world.backends('shop', 'spare');
const port = await world.port();
const cwd = temporaryDirectory();

/** A command of the guide, as somebody types it. */
async function type(line: string): Promise<string> {
  const { code, out, err } = await runCommand(line.split(' '), { cwd });
  assert.equal(code, 0, `${line}\n${out}${err}`);
  return out;
}

const policyTo = (address: string): PolicyInput => ({
  services: { shop: { endpoints: [{ address }] } },
  gateways: { public: { listeners: [{ port, address: '127.0.0.1', protocol: 'http' }] } },
  routes: { shop: { gateways: ['public'], rules: [{ to: [{ service: 'shop' }] }] } },
  fleets: {
    edge: { match: { cluster: 'edge' }, gateways: ['public'], identity: { san: ['spiffe://shop/edge/{id}'] } },
  },
});

/** An Envoy with files that `cert` has made, and that trusts the first authority. */
async function envoy(id: string, files: string) {
  const where = `--xds 127.0.0.1:${world.xdsPort} --envoy-admin 127.0.0.1:${await world.port()}`;
  await type(
    `init ${id} --only envoy --node ${id} ${where} --xds-cert ${files}.crt --xds-key ${files}.key --xds-ca ca/ca.crt`,
  );
  const bootstrap = parse(readFileSync(path.join(cwd, id, 'envoy-edge.yaml'), 'utf8')) as object;
  const running = startEnvoy({ name: id, bootstrap });
  world.use({ [Symbol.asyncDispose]: () => running.stop() });
  return running;
}

const leadsTo = (name: string) =>
  until(`the Envoy leads to ${name}`, async () => {
    const { status, by } = await ask(port);
    return status === 200 && by === name;
  });

await type('cert ca ca');
await type('cert issue xds --server 127.0.0.1 xds.internal --ca ca/ca.crt --out tls');
await type('cert issue edge-1 edge-2 --client spiffe://shop/edge/{id} --ca ca/ca.crt --out tls');
const at = (file: string) => path.join(cwd, file);
world.save(policyTo(shop.address));
const plane = await world.makePlane([
  ...['--xds-cert', at('tls/xds.crt'), '--xds-key', at('tls/xds.key'), '--xds-client-ca', at('ca/ca.crt')],
]);
await plane.start();
const edge = world.adopt('edge-1', await envoy('edge-1', 'tls/edge-1'));
await world.synced();

describe('mutual TLS with certificates of switchyard cert', () => {
  it('brings an Envoy its configuration, and a request its answer', async () => {
    await leadsTo('shop');
    const row = await world.proxy('edge-1');
    assert.deepEqual(row?.certificate, ['spiffe://shop/edge/edge-1']);
    assert.equal(await edge.stat('cluster.switchyard/xds.ssl.versions.TLSv1.3'), 1);
    assert.match(await type('cert show tls ca'), /all good\n$/);
  });

  it('gives an Envoy of another authority, or with the certificate of another proxy, nothing', async () => {
    await type('cert ca other');
    await type('cert issue stranger --client spiffe://shop/edge/{id} --ca other/ca.crt --out other');
    const stranger = await envoy('stranger', 'other/stranger');
    const impostor = await envoy('impostor', 'tls/edge-2');
    await until('the stranger is told of', () => /of no authority in --xds-client-ca/.test(plane.output));
    const row = await until('the impostor is refused', async () => {
      const found = await world.proxy('impostor');
      return found?.state === 'refused' && found;
    });
    assert.match(row.why ?? '', /is named "spiffe:\/\/shop\/edge\/edge-2"/);
    assert.equal(await world.proxy('stranger'), undefined);
    for (const each of [stranger, impostor]) {
      assert.equal((await each.stat('listener_manager.listener_create_success')) ?? 0, 0);
    }
    await leadsTo('shop');
  });

  it('goes on with what is renewed by --force, on both sides and without a restart', async () => {
    const updates = () => edge.stat('cluster.switchyard/xds.client_ssl_socket_factory.ssl_context_update_by_sds');
    const [before, key] = [(await updates()) ?? 0, readFileSync(at('tls/edge-1.key'))];
    await type('cert issue xds --server 127.0.0.1 xds.internal --ca ca/ca.crt --out tls --force');
    await type('cert issue edge-1 --client spiffe://shop/edge/{id} --ca ca/ca.crt --out tls --force');
    assert.notDeepEqual(readFileSync(at('tls/edge-1.key')), key);
    assert.equal(statSync(at('tls/edge-1.key')).mode & 0o777, 0o600);
    await until('the Envoy has read its own', async () => ((await updates()) ?? 0) > before);
    await until('the server has', () => /new TLS files are in use for new connections/.test(plane.output));
    assert.deepEqual((await plane.policy()).warnings, []);
    await world.saved(policyTo(spare.address));
    await leadsTo('spare');
    // Both show the new ones on the next connection.
    await plane.stop('SIGKILL');
    await plane.start();
    await world.synced();
    await world.saved(policyTo(shop.address));
    await leadsTo('shop');
  });
});
