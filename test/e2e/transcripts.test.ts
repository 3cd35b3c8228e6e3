import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { switchyardProgram } from '../../src/cli/program.ts';
import { runCommand } from '../support/cli.ts';
import { until } from '../support/until.ts';
import { World } from '../support/world.ts';
import { hostOf } from '../unit/cli/here.ts';
import { leaves } from '../unit/cli/program-walk.ts';

const page = new URL('../../docs/reference/transcripts.md', import.meta.url);
/** `UPDATE_DOCS=1` writes what comes out; read it before committing it. */
const update = process.env['UPDATE_DOCS'] === '1';

const world = new World();
after(() => world.close());
const [one, two] = await world.backends('one', 'two');
const port = await world.port();

const policy = `services:
  shop:
    endpoints:
      - { address: "${one.address}", labels: { version: v1 } }
      - { address: "${two.address}", labels: { version: v2 } }
    versions: { v1: { labels: { version: v1 } }, v2: { labels: { version: v2 } } }
gateways:
  public: { listeners: [{ port: ${port}, address: 127.0.0.1, protocol: http }] }
routes:
  shop:
    gateways: [public]
    rules:
      - name: everyone
        to: [{ service: shop, version: v1, weight: 99 }, { service: shop, version: v2, weight: 1 }]
fleets:
  edge: { match: { cluster: edge }, gateways: [public] }
`;

/** In this order, since one builds on the other. `lines`: how many of what is printed are shown. */
const commands: readonly { readonly args: readonly string[]; readonly lines?: number }[] = [
  { args: ['init', 'shop', '--node', 'edge-1'] },
  { args: ['import', 'nginx', 'old.conf'] },
  { args: ['import', 'haproxy', 'old.cfg'] },
  { args: ['validate'] },
  { args: ['explain', 'services.endpoints.weight'] },
  { args: ['translate'] },
  { args: ['bundle', '--bootstrap', 'shop/envoy-edge.yaml'], lines: 6 },
  { args: ['cert', 'ca', 'tls'] },
  { args: ['cert', 'issue', 'xds', '--server', 'xds.internal', '10.0.0.5', '--ca', 'tls/ca.crt', '--out', 'tls'] },
  { args: ['cert', 'issue', 'edge-1', '--client', 'spiffe://shop/edge/{id}', '--ca', 'tls/ca.crt', '--out', 'tls'] },
  { args: ['cert', 'show', 'tls'] },
  { args: ['serve', '--xds', 'nowhere'] },
  { args: ['status'] },
  { args: ['check', '--only', 'files', 'server', 'envoys'] },
  { args: ['get', 'services'] },
  { args: ['config', 'edge-1'] },
  { args: ['trace', '/', '--fleet', 'edge'] },
  { args: ['health', 'shop'] },
  { args: ['weights', 'shop'] },
  { args: ['canary', 'weights', 'shop/everyone', 'shop@v1=90', 'shop@v2=10', '--wait', '--reason', 'first tenth'] },
  { args: ['canary', 'status'] },
  { args: ['canary', 'weights', 'shop/everyone', '--end', '--wait'] },
  { args: ['drain', 'shop', two.address, '--wait', '--force'] },
  { args: ['drain', 'shop', two.address, '--undo', '--wait'] },
  { args: ['maintenance', 'shop', '--wait'] },
  { args: ['maintenance', 'shop', '--undo', '--wait'] },
  { args: ['diff', 'cart.yaml'] },
  { args: ['apply', 'cart.yaml', '--wait'] },
  { args: ['delete', 'services/cart'] },
  { args: ['retry', 'edge-1'] },
  { args: ['quarantine', 'list'] },
  { args: ['quarantine', 'release', 'edge', 'CDS', 'shop@v1'] },
  { args: ['history'], lines: 6 },
  { args: ['revision', 'show', '1'] },
  { args: ['revision', 'diff', '1', '2'] },
  { args: ['revision', 'pin', '1', '--reason', 'the first'] },
  { args: ['freeze', '--reason', 'looking'], lines: 1 },
  { args: ['thaw'], lines: 1 },
  { args: ['canary', 'weights', 'shop/everyone', 'shop@v1=50', 'shop@v2=50', '--wait'] },
  { args: ['rollback', '1', '--overrides', '--wait'] },
  { args: ['accept', 'shop.internal'] },
  { args: ['events', '--type', 'revision', '--limit', '2'] },
  { args: ['audit', '--limit', '2'] },
  { args: ['token', 'create', 'ci', '--role', 'viewer', '--expires', '30d'] },
  { args: ['token', 'list'] },
  { args: ['token', 'revoke', 'ci'] },
  { args: ['log-level'] },
  { args: ['backup', 'switchyard.backup'] },
  { args: ['restore', 'switchyard.backup', '--yes'] },
  { args: ['doctor', 'bundle', 'report.tar.gz'] },
  { args: ['completion', 'bash'], lines: 1 },
];

/** What differs from run to run, in one form. */
function settled(text: string): string {
  const known = [
    [one.address, '10.0.0.101:8080'],
    [two.address, '10.0.0.102:8080'],
    [String(port), '10080'],
    [world.folder, '/srv/shop'],
    [`127.0.0.1:${world.plane.adminPort}`, '127.0.0.1:18080'],
  ] as const;
  return known
    .reduce((shown, [from, to]) => shown.replaceAll(from, to), text)
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, '2026-03-01T12:00:00.000Z')
    .replaceAll(/\b\d{4}-\d\d-\d\d(?=\s|$)/gm, '2026-03-01')
    .replaceAll(/(?<!: )\b\d+(?:ms|s|m)\b(?= |$|,)/gm, '3s')
    .replaceAll(/\b[0-9a-f]{8,64}\b/g, hash => '5c1f9a3e'.repeat(8).slice(0, hash.length))
    .replaceAll(/\b\d+ bytes\b/g, '1621 bytes')
    .replaceAll(/\b\d{10,}\b/g, '1772366400000')
    .replaceAll(/\S+ \(CLI\)/g, 'ada (CLI)')
    .replaceAll(/\b[\w-]{40,}\b/g, 'T0KEN')
    .replaceAll(/127\.0\.0\.1:(?!10080)\d{5}\b/g, '127.0.0.1:18080')
    .replaceAll(/\bport (?!10080)\d{5}\b/g, 'port 18080');
}

/** As far as people care: columns are as wide as what happens to stand in them. */
const compared = (text: string) => text.replaceAll(/[ \t]+/g, ' ');

describe('docs/reference/transcripts.md', () => {
  it('has every command, as it is now against a real server and a real Envoy', async () => {
    await world.start(policy, [{ id: 'edge-1', cluster: 'edge' }]);
    writeFileSync(
      join(world.folder, 'cart.yaml'),
      `services: { cart: { endpoints: [{ address: "${one.address}" }] } }\n`,
    );
    writeFileSync(
      join(world.folder, 'old.conf'),
      'server {\n  listen 80;\n  client_max_body_size 1m;\n  location / { proxy_pass http://10.0.0.11:8080; }\n}\n',
    );
    writeFileSync(
      join(world.folder, 'old.cfg'),
      'listen shop\n  mode http\n  bind :80\n  server one 10.0.0.11:8080 check\n',
    );
    const env = {
      SWITCHYARD_ADMIN: `127.0.0.1:${world.plane.adminPort}`,
      SWITCHYARD_DATA: world.dataFolder,
      USER: 'ada',
    };
    const parts: string[] = [];
    for (const { args, lines } of commands) {
      const { code, out, err } = await runCommand(args, { cwd: world.folder, env });
      const all = `${out}${err}`.trimEnd().split('\n');
      const shown = lines !== undefined && all.length > lines ? [...all.slice(0, lines), '…'] : all;
      const words = args.map(each => (/[ "]/.test(each) ? `'${each}'` : each)).join(' ');
      const ending = code === 0 ? '' : `# exit code ${code}\n`;
      parts.push(settled(`$ switchyard ${words}\n${shown.map(line => line.trimEnd()).join('\n')}\n${ending}`));
      await until('the Envoy is settled', async () => (await world.proxy('edge-1'))?.state === 'synced').catch(
        () => {},
      );
    }
    const head =
      '# Transcripts\n\nEach command once, against a server with one Envoy: what tests run, and hold this page against. Addresses, times,\nhashes and names are made the same for every run.\n\n';
    const text = `${head}${parts.map(each => `\`\`\`\n${each}\`\`\`\n`).join('\n')}`;
    if (update) writeFileSync(page, text);
    assert.ok(existsSync(page));
    assert.equal(compared(text), compared(readFileSync(page, 'utf8')));
  });

  it('leaves no command out', () => {
    const shown = new Set(commands.map(({ args }) => args.join(' ')));
    for (const [name] of leaves(switchyardProgram(hostOf({})), '')) {
      assert.ok(
        [...shown].some(each => `${each} `.startsWith(`${name.trim()} `)),
        name,
      );
    }
  });
});
