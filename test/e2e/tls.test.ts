import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import { type RunningEnvoy, startEnvoy } from '../../envoy/process.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { CertificateAuthority } from '../support/certificates.ts';
import { runCommand } from '../support/cli.ts';
import { ask } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { contentsOf, TlsFolder } from '../support/tls-folder.ts';
import { until } from '../support/until.ts';
import { pairPolicy, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const ca = new CertificateAuthority('shop');
const next = new CertificateAuthority('shop, next');
const server = new TlsFolder();
const serverNames = ['127.0.0.1', 'xds.internal'];
server.write(contentsOf(ca, serverNames));
const flags = [
  ...['--xds-cert', server.paths.certificate, '--xds-key', server.paths.key],
  ...['--xds-client-ca', server.paths.clientCa],
];

const [shop, spare] = await world.backends('shop', 'spare');
const ports = { delta: await world.port(), sotw: await world.port() };

/** A fleet of a stream for all types, and one of a stream for each. */
function policyTo(address: string, san = 'spiffe://shop/edge/{id}'): PolicyInput {
  const { fleets, ...rest } = pairPolicy(ports, {
    services: { shop: { endpoints: [{ address }] } },
    rules: [{ to: [{ service: 'shop' }] }],
  });
  const { delta, sotw } = fleets as Record<'delta' | 'sotw', NonNullable<PolicyInput['fleets']>[string]>;
  const identity = { san: [san] };
  return {
    ...rest,
    fleets: {
      delta: { ...delta, identity },
      sotw: { ...sotw, identity, xds: { streams: 'perType', variant: 'sotw' } },
    },
  };
}

const xdsStat = (name: string) => `cluster.switchyard/xds.${name}`;
const uri = (id: string) => `spiffe://shop/edge/${id}`;

/** What `switchyard init` makes an Envoy of, with a certificate of these names. */
async function secureEnvoy(
  { id, cluster = id }: { readonly id: string; readonly cluster?: string },
  {
    names = [uri(id)],
    issuer = ca,
  }: { readonly names?: readonly string[]; readonly issuer?: CertificateAuthority } = {},
): Promise<{ readonly envoy: RunningEnvoy; readonly files: TlsFolder }> {
  const files = new TlsFolder();
  files.write({ ...contentsOf(issuer, names), clientCa: ca.certificate });
  const streams = cluster === 'sotw' ? 'per-type' : 'ads';
  const { certificate, key, clientCa } = files.paths;
  const { code, err } = await runCommand(
    [
      ...['init', '--only', 'envoy', '--node', id, '--cluster', cluster, '--variant', cluster, '--streams', streams],
      ...['--xds', `127.0.0.1:${world.xdsPort}`, '--envoy-admin', `127.0.0.1:${await world.port()}`],
      ...['--xds-cert', certificate, '--xds-key', key, '--xds-ca', clientCa],
    ],
    { cwd: files.folder },
  );
  assert.equal(code, 0, err);
  const bootstrap = parse(readFileSync(path.join(files.folder, 'envoy-edge.yaml'), 'utf8')) as object;
  const envoy = startEnvoy({ name: id, bootstrap });
  world.use({ [Symbol.asyncDispose]: () => envoy.stop() });
  return { envoy, files };
}

/** One that the world waits for. */
async function secureProxy(id: 'delta' | 'sotw') {
  const { envoy, files } = await secureEnvoy({ id });
  return { proxy: world.adopt(id, envoy), files };
}

const answers = (name: string) =>
  until(`both proxies lead to ${name}`, async () => {
    const all = await Promise.all(Object.values(ports).map(port => ask(port)));
    return all.every(each => each.status === 200 && each.by === name);
  });

world.save(policyTo(shop.address));
const plane = await world.makePlane(flags);
await plane.start();
const delta = await secureProxy('delta');
const sotw = await secureProxy('sotw');
await world.synced();

describe('xDS over mutual TLS', () => {
  it('brings Envoys their configuration, on one stream and on many', async () => {
    covers('fleets.*.identity', 'fleets.*.identity.san');
    await answers('shop');
    const row = await world.proxy('delta');
    assert.deepEqual(row?.certificate, [uri('delta')]);
    assert.equal(await delta.proxy.stat(xdsStat('ssl.versions.TLSv1.3')), 1);
  });

  it('P22, P23: gives an Envoy with the certificate of another, or of nobody, nothing', async () => {
    const { envoy: impostor } = await secureEnvoy({ id: 'impostor', cluster: 'delta' }, { names: [uri('delta')] });
    const { envoy: stranger } = await secureEnvoy({ id: 'stranger', cluster: 'delta' }, { issuer: next });
    const row = await until('the impostor is refused', async () => {
      const found = await world.proxy('impostor');
      return found?.state === 'refused' && found;
    });
    assert.match(row.why ?? '', /the certificate of node "impostor" is named "spiffe:\/\/shop\/edge\/delta"/);
    await until('the stranger is told of', () => /of no authority in --xds-client-ca/.test(plane.output));
    // Envoy waits up to half a minute before it tries for the third time.
    for (const proxy of [impostor, stranger]) {
      await until(
        `${proxy.name} has been turned away`,
        async () => ((await proxy.stat(xdsStat('upstream_cx_total'))) ?? 0) > 0,
      );
    }
    assert.equal(await world.proxy('stranger'), undefined);
    for (const proxy of [impostor, stranger]) {
      assert.equal((await proxy.stat('listener_manager.listener_create_success')) ?? 0, 0);
      assert.equal((await proxy.stat('cluster_manager.cds.update_success')) ?? 0, 0);
    }
    await answers('shop');
  });

  it('takes a new certificate of its own while streams go on, and leaves a bad one', async () => {
    const connectedAt = async () =>
      (await plane.proxies())
        .map(each => [each.id, each.connectedAt, each.state])
        .filter(([id]) => id === 'delta' || id === 'sotw');
    const before = await connectedAt();
    const { certificate } = ca.issue({ names: serverNames });
    writeFileSync(server.paths.certificate, certificate);
    const warning = await until('the bad one is told of', async () => (await plane.policy()).warnings[0]);
    assert.equal(warning.code, 'tls.files_not_taken');
    assert.match(warning.message, /tls\.key was not taken: the key is not that of the certificate/);
    await world.saved(policyTo(spare.address));
    await answers('spare');
    // Both authorities are let in from now on, as in a change of authorities.
    server.write({ ...contentsOf(ca, serverNames), clientCa: ca.certificate + next.certificate });
    await until('the good one is taken', async () => (await plane.policy()).warnings.length === 0);
    assert.match(plane.output, /new TLS files are in use for new connections/);
    await world.saved(policyTo(shop.address));
    await answers('shop');
    assert.deepEqual(await connectedAt(), before);
  });

  it('goes on when Envoys have new certificates, of a new authority', async () => {
    for (const { files, proxy } of [delta, sotw]) {
      const updates = () => proxy.stat(xdsStat('client_ssl_socket_factory.ssl_context_update_by_sds'));
      const count = (await updates()) ?? 0;
      files.turn({ ...contentsOf(next, [uri(proxy.id), `${proxy.id}.new`]), clientCa: ca.certificate });
      await until(`${proxy.id} has read them`, async () => ((await updates()) ?? 0) > count);
    }
    server.write({ clientCa: next.certificate });
    await until('the old authority is out', () => plane.output.match(/new TLS files are in use/g)?.length === 2);
    await plane.stop('SIGKILL');
    await plane.start();
    await world.synced();
    assert.deepEqual((await world.proxy('sotw'))?.certificate, [uri('sotw'), 'sotw.new']);
    await world.saved(policyTo(spare.address));
    await answers('spare');
  });

  it('ends the streams of Envoys that a new policy no longer knows, which keep what they have', async () => {
    world.save(policyTo(shop.address, 'spiffe://shop/other/{id}'));
    await until('they are refused', async () => {
      const rows = await plane.proxies();
      return ['delta', 'sotw'].every(id => rows.find(each => each.id === id)?.state === 'refused');
    });
    await answers('spare');
    world.save(policyTo(shop.address));
    await world.synced();
    await answers('shop');
  });
});
