import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { millis } from '../../../src/base/units.ts';
import { preflight } from '../../../src/control/preflight.ts';
import { compile } from '../../../src/ir/compile.ts';
import type { Policy } from '../../../src/policy/kinds.ts';
import { noOperationalState } from '../../../src/policy/operational-state.ts';
import { runCommand } from '../../support/cli.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { runHere } from './here.ts';

const golden = join(import.meta.dirname, 'golden');
/** `UPDATE_GOLDEN=1` writes what comes out; read it before committing it. */
const update = process.env['UPDATE_GOLDEN'] === '1';

const run = (cwd: string, ...args: readonly string[]) => runCommand(args, { cwd });

function assertGolden(name: string, text: string): void {
  if (update) writeFileSync(join(golden, name), text);
  assert.equal(text, readFileSync(join(golden, name), 'utf8'));
}

describe('switchyard validate', { concurrency: 2 }, () => {
  for (const [name, code] of Object.entries({ good: 0, warning: 2, mistakes: 1, dangling: 1, stages: 1 })) {
    it(`says what it finds in ${name}.yaml and exits with ${code}`, async () => {
      const result = await run(golden, 'validate', `${name}.yaml`);
      assertGolden(`${name}.validate.txt`, result.out);
      assert.deepEqual([result.code, result.err], [code, '']);
    });
  }

  it('prints problems for machines as the API does', async () => {
    const { code, out, err } = await run(golden, 'validate', 'dangling.yaml', '-o', 'json');
    assert.deepEqual([code, err], [1, '']);
    const { good, fleets, problems } = JSON.parse(out);
    assert.deepEqual([good, fleets, problems.length], [false, [], 2]);
    assert.deepEqual(problems[0], {
      code: 'route.gateway_not_found',
      severity: 'error',
      message: problems[0].message,
      path: 'routes.shop.gateways[0]',
      file: 'dangling.yaml',
      line: 7,
      column: 16,
      hint: 'did you mean "public"?',
    });
    const yaml = await run(golden, 'validate', 'dangling.yaml', '-o', 'yaml');
    assert.deepEqual(parse(yaml.out), JSON.parse(out));
    const fine = JSON.parse((await run(golden, 'validate', 'good.yaml', '-o', 'json')).out);
    assert.deepEqual(fine, { good: true, fleets: ['edge', 'inner'], problems: [] });
  });

  it('finds nothing wrong with host names, which only a server resolves', async () => {
    const folder = temporaryDirectory();
    const text = readFileSync(join(golden, 'good.yaml'), 'utf8');
    const services = text.slice(0, text.indexOf('services:') + 10);
    const named = '  named: { endpoints: [{ address: "db.internal:80" }] }\n';
    writeFileSync(join(folder, 'switchyard.yaml'), text.replace(services, services + named));
    const { code, out } = await run(folder, 'validate');
    assert.deepEqual([code, out], [0, 'good: 2 fleets, 0 errors, 0 warnings\n']);
    const refused = await run(folder, 'translate');
    assert.match(refused.err, /"db\.internal" has never been resolved/);
  });

  it("finds what Envoy's field rules forbid, with its place, before anything is sent", async () => {
    const text = readFileSync(join(golden, 'good.yaml'), 'utf8');
    const document = { file: 'good.yaml', format: 'yaml', text } as const;
    // What the schema would not let pass.
    const spoiled = (policy: Policy): Policy => {
      const [name, service] = Object.entries(policy.services)[0]!;
      return { ...policy, services: { ...policy.services, [name]: { ...service, connectTimeout: millis(0) } } };
    };
    const host = {
      readDocuments: () => Promise.resolve({ documents: [document], problems: [] }),
      preflight: async (policy: Policy) => {
        const bad = spoiled(policy);
        return preflight(bad, compile({ policy: bad, state: noOperationalState, resolved: new Map() }).fleets);
      },
    };
    const { code, out } = await runHere(['validate', 'good.yaml'], host);
    assert.equal(code, 1);
    assert.match(
      out,
      /^good\.yaml:\d+:\d+: error: .* Cluster "\w+": connect_timeout must be more than 0s \[policy\.incons/,
    );
    assert.match(out, /\nrefused: 1 error, 0 warnings\n$/);
    const translated = await runHere(['translate', 'good.yaml'], host);
    assert.deepEqual([translated.code, translated.out], [1, '']);
  });

  it('takes a folder, and ./switchyard.yaml without an argument', async () => {
    const folder = temporaryDirectory();
    const absent = await run(folder, 'validate');
    assert.equal(absent.code, 1);
    assert.match(absent.out, /switchyard\.yaml does not exist \[file\.unreadable\]/);
    copyFileSync(join(golden, 'good.yaml'), join(folder, 'switchyard.yaml'));
    assert.equal((await run(folder, 'validate')).code, 0);
    mkdirSync(join(folder, 'policy'));
    copyFileSync(join(golden, 'good.yaml'), join(folder, 'policy', 'one.yaml'));
    writeFileSync(join(folder, 'policy', 'two.yaml'), 'services: { catalog: { endpoints: [] } }\n');
    const { code, out } = await run(folder, 'validate', 'policy');
    assert.equal(code, 1);
    assert.match(out, /two\.yaml:1:\d+: error: .*"catalog" is declared twice/);
  });
});

describe('switchyard translate', { concurrency: 2 }, () => {
  it('lists the names of what each fleet is sent', async () => {
    const { code, out, err } = await run(golden, 'translate', 'good.yaml');
    assertGolden('good.translate.txt', out);
    assert.deepEqual([code, err], [0, '']);
  });

  it("prints it in Envoy's own form, of one fleet when asked", async () => {
    const { code, out } = await run(golden, 'translate', 'good.yaml', '--fleet', 'edge', '-o', 'yaml');
    assert.equal(code, 0);
    const { edge, ...others } = parse(out);
    assert.deepEqual(others, {});
    const [listener] = edge.listeners;
    assert.equal(listener.name, 'gateway/public/80');
    assert.deepEqual(listener.address.socket_address.port_value, 80);
  });

  it('says what is wrong on the side, so that pipes stay clean', async () => {
    const bad = await run(golden, 'translate', 'dangling.yaml', '-o', 'json');
    assert.deepEqual([bad.code, bad.out], [1, '']);
    assert.match(bad.err, /^dangling\.yaml:7:16: error: /);
    assert.match(bad.err, /\nerror: 2 errors, 0 warnings: mend the policy first\n$/);
    const warned = await run(golden, 'translate', 'warning.yaml', '-o', 'json');
    assert.equal(warned.code, 0);
    assert.match(warned.err, /warning: /);
    assert.deepEqual(Object.keys(JSON.parse(warned.out)), ['edge']);
    const unknown = await run(golden, 'translate', 'good.yaml', '--fleet', 'egde');
    assert.deepEqual([unknown.code, unknown.out], [1, '']);
    assert.equal(unknown.err, 'error: there is no fleet "egde"; there are: edge, inner\n');
  });
});

describe('switchyard init', { concurrency: 2 }, () => {
  it('writes a policy that is good as it stands, and a bootstrap', async () => {
    const folder = temporaryDirectory();
    const { code, out } = await run(folder, 'init', 'new/place');
    assert.equal(code, 0);
    assert.match(
      out,
      /^wrote new\/place\/switchyard\.yaml\nwrote new\/place\/\.policy\.schema\.json\nwrote new\/place\/envoy-edge\.yaml\nnext:/,
    );
    const validated = await run(join(folder, 'new/place'), 'validate');
    assert.deepEqual([validated.code, validated.out], [0, 'good: 1 fleet, 0 errors, 0 warnings\n']);
  });

  it('puts what it is told into the bootstrap', async () => {
    const folder = temporaryDirectory();
    const flags = ['--role', 'sidecar', '--variant', 'sotw', '--node', 'checkout-1', '--cluster', 'checkout'];
    const place = ['--region', 'north', '--zone', 'b', '--xds', '10.0.0.5:18000', '10.0.0.6:18000'];
    const { code } = await run(
      folder,
      'init',
      '--only',
      'envoy',
      ...flags,
      ...place,
      '--envoy-admin',
      'unix:/run/e.sock',
    );
    assert.equal(code, 0);
    assert.ok(!existsSync(join(folder, 'switchyard.yaml')));
    const text = readFileSync(join(folder, 'envoy-sidecar.yaml'), 'utf8');
    assert.match(text, /^# Envoy bootstrap: sidecar, state-of-the-world xDS/);
    const { node, admin, dynamic_resources, static_resources } = parse(text);
    assert.deepEqual(node, { id: 'checkout-1', cluster: 'checkout', locality: { region: 'north', zone: 'b' } });
    assert.deepEqual(admin.address, { pipe: { path: '/run/e.sock' } });
    assert.equal(dynamic_resources.ads_config.api_type, 'GRPC');
    const [server] = static_resources.clusters;
    const hosts = server.load_assignment.endpoints[0].lb_endpoints.map(
      (each: { endpoint: { address: { socket_address: { address: string } } } }) =>
        each.endpoint.address.socket_address.address,
    );
    assert.deepEqual(hosts, ['10.0.0.5', '10.0.0.6']);
  });

  it('writes a bootstrap with a stream for each type', async () => {
    const folder = temporaryDirectory();
    assert.equal((await run(folder, 'init', '--only', 'envoy', '--streams', 'per-type')).code, 0);
    const text = readFileSync(join(folder, 'envoy-edge.yaml'), 'utf8');
    assert.match(text, /^# Envoy bootstrap: edge, incremental \(delta\) xDS over a stream for each type\./);
    const { dynamic_resources, static_resources, layered_runtime } = parse(text);
    const ownFleet = static_resources.clusters.find((each: { type: string }) => each.type === 'EDS');
    for (const source of [
      dynamic_resources.cds_config,
      dynamic_resources.lds_config,
      ownFleet.eds_cluster_config.eds_config,
      layered_runtime.layers[1].rtds_layer.rtds_config,
    ]) {
      assert.deepEqual([source.ads, source.api_config_source.api_type], [undefined, 'DELTA_GRPC']);
    }
    // For fleets over ADS.
    assert.equal(dynamic_resources.ads_config.api_type, 'DELTA_GRPC');
  });

  it('writes what TLS needs, in files that Envoy follows', async () => {
    const folder = temporaryDirectory();
    const flags = ['--xds-cert', '/etc/envoy/edge.crt', '--xds-key', '/etc/envoy/edge.key', '--xds-ca', 'ca.crt'];
    const hosts = ['--xds', 'xds.internal.:18000', '10.0.0.5:18000', '[2001:DB8:0::5]:18000'];
    const { code, out } = await run(folder, 'init', 'here', '--only', 'envoy', ...hosts, ...flags);
    assert.equal(code, 0);
    assert.match(out, /next:\n {2}envoy -c here\/envoy-edge\.yaml\n$/);
    const read = (name: string) => parse(readFileSync(join(folder, 'here', name), 'utf8'));
    const { static_resources } = read('envoy-edge.yaml');
    const { sni, common_tls_context: context } = static_resources.clusters[0].transport_socket.typed_config;
    assert.equal(sni, 'xds.internal');
    assert.equal(context.tls_params.tls_minimum_protocol_version, 'TLSv1_3');
    assert.deepEqual(context.combined_validation_context.default_validation_context.match_typed_subject_alt_names, [
      { san_type: 'DNS', matcher: { exact: 'xds.internal' } },
      { san_type: 'IP_ADDRESS', matcher: { exact: '10.0.0.5' } },
      { san_type: 'IP_ADDRESS', matcher: { exact: '2001:db8::5' } },
    ]);
    const [source] = context.tls_certificate_sds_secret_configs;
    const place = join(realpathSync(folder), 'here', 'envoy-edge-certificate.yaml');
    assert.deepEqual(source.sds_config.path_config_source, { path: place });
    const [secret] = read('envoy-edge-certificate.yaml').resources;
    assert.equal(secret.name, source.name);
    assert.deepEqual(secret.tls_certificate, {
      certificate_chain: { filename: '/etc/envoy/edge.crt' },
      private_key: { filename: '/etc/envoy/edge.key' },
      watched_directory: { path: '/etc/envoy' },
    });
    const [authority] = read('envoy-edge-authority.yaml').resources;
    assert.equal(authority.validation_context.trusted_ca.filename, join(realpathSync(folder), 'ca.crt'));
    const again = await run(folder, 'init', 'here', '--only', 'envoy', ...flags);
    assert.match(again.err, /envoy-edge-authority\.yaml exist already: nothing was written/);
  });

  it('overwrites nothing unless told to, and then all', async () => {
    const folder = temporaryDirectory();
    writeFileSync(join(folder, 'switchyard.yaml'), 'mine');
    const refused = await run(folder, 'init');
    assert.equal(refused.code, 1);
    assert.match(refused.err, /^error: switchyard\.yaml exists already: nothing was written/);
    assert.ok(!existsSync(join(folder, 'envoy-edge.yaml')));
    assert.equal((await run(folder, 'init', '--only', 'envoy')).code, 0);
    assert.equal(readFileSync(join(folder, 'switchyard.yaml'), 'utf8'), 'mine');
    assert.equal((await run(folder, 'init', '--force')).code, 0);
    assert.notEqual(readFileSync(join(folder, 'switchyard.yaml'), 'utf8'), 'mine');
  });

  it('refuses what could not work, and writes nothing', async () => {
    const folder = temporaryDirectory();
    writeFileSync(join(folder, 'file'), '');
    for (const [args, message] of [
      [['--xds', 'nowhere'], /--xds "nowhere" is not an address like HOST:PORT/],
      [['--envoy-admin', '0.0.0.0:9901'], /--envoy-admin 0\.0\.0\.0:9901 is neither a loopback IP nor unix:/],
      [['--node', 'two words'], /--node "two words" must be/],
      [['--cluster', 'a\nb: c'], /--cluster "a\\nb: c" must be/],
      [['--xds-cert', 'a'], /--xds-key and --xds-ca must be given too/],
      [['--xds-server-name', 'a'], /--xds-cert and --xds-key and --xds-ca must be given too/],
      [['--xds', 'unix:/x', '--xds-cert', 'a', '--xds-key', 'b', '--xds-ca', 'c'], /give --xds-server-name/],
      [['file/below'], /cannot write file\/below\/switchyard\.yaml: /],
    ] as const) {
      const { code, out, err } = await run(folder, 'init', ...args);
      assert.deepEqual([code, out], [1, ''], args.join(' '));
      assert.match(err, message);
      assert.equal(err.split('\n').length, 2, 'one line, no stack');
    }
    assert.ok(!existsSync(join(folder, 'switchyard.yaml')));
  });
});

describe('switchyard bundle', { concurrency: 2 }, () => {
  it('makes one static configuration of a fleet and a bootstrap', async () => {
    const folder = temporaryDirectory();
    await run(folder, 'init');
    const { code, out, err } = await run(folder, 'bundle', '--bootstrap', 'envoy-edge.yaml');
    assert.deepEqual([code, err], [0, '']);
    const config = parse(out);
    assert.equal(config.dynamic_resources, undefined);
    assert.equal(config.node.cluster, 'edge');
    assert.equal(config.static_resources.listeners[0].address.socket_address.port_value, 8000);
    const json = await run(folder, 'bundle', '--bootstrap', 'envoy-edge.yaml', '--fleet', 'edge', '-o', 'json');
    assert.deepEqual(JSON.parse(json.out), config);
  });

  it('says what is missing', async () => {
    const folder = temporaryDirectory();
    writeFileSync(join(folder, 'list.yaml'), '- 1\n');
    for (const [args, message] of [
      [[], /required option '--bootstrap <file>' not specified/],
      [['--bootstrap', 'list.yaml'], /name one fleet with --fleet: edge, inner/],
      [['--bootstrap', 'absent.yaml', '--fleet', 'edge'], /cannot read the bootstrap absent\.yaml: .*no such file/],
      [['--bootstrap', 'list.yaml', '--fleet', 'edge'], /list\.yaml is not an Envoy bootstrap/],
    ] as const) {
      const { code, out, err } = await run(folder, 'bundle', join(golden, 'good.yaml'), ...args);
      assert.deepEqual([code, out], [1, ''], args.join(' '));
      assert.match(err, message);
    }
  });
});

describe('switchyard trace --policy', { concurrency: 2 }, () => {
  const rules = [
    '      - { name: beta, match: { path: /cart, headers: { x-lane: beta } }, to: [{ service: catalog }] }',
    '      - { name: old, match: { path: /old }, redirect: { path: / } }',
    '      - { match: { path: /shop }, to: [{ service: catalog }], rewrite: { prefix: / } }',
  ];
  const folder = temporaryDirectory();
  const text = readFileSync(join(golden, 'good.yaml'), 'utf8');
  writeFileSync(join(folder, 'p.yaml'), text.replace('      - to: [{ service: catalog }]', rules.join('\n')));
  const trace = (...args: readonly string[]) => run(folder, 'trace', '--policy', 'p.yaml', ...args);

  it('says which rule takes a request, and why each before does not', async () => {
    const shop = await trace('http://shop.test/shop/1?x', '--fleet', 'edge');
    assertGolden('trace.forward.txt', shop.out);
    assert.deepEqual([shop.code, shop.err], [0, '']);
    const beta = await trace('/cart', '-H', 'X-Lane: beta', '--fleet', 'edge', '-o', 'json');
    assert.deepEqual(
      JSON.parse(beta.out).rules.map((each: { readonly name: string }) => each.name),
      ['shop/beta'],
    );
  });

  it('says that a hash chooses, where one does', async () => {
    const to =
      '{ to: [{ service: catalog }, { service: other, weight: 3 }], sticky: { hashBy: [{ header: x-user }] } }';
    const policy = text
      .replace('to: [{ service: catalog }]', to)
      .replace('services:', 'services:\n  other: { endpoints: [{ address: "10.0.0.12:8080" }] }');
    writeFileSync(join(folder, 'hash.yaml'), policy);
    const { out, err } = await run(folder, 'trace', '/', '--policy', 'hash.yaml', '--fleet', 'edge');
    assert.equal(err, '');
    assert.match(out, /\ngoes to catalog 25%, other 75%, by a hash of what the caller sends\n$/);
  });

  it('exits with 2 where no rule takes it', async () => {
    const none = await trace('/cart', '--fleet', 'edge', '-X', 'POST');
    assertGolden('trace.none.txt', none.out);
    assert.deepEqual([none.code, none.err], [2, '']);
  });

  it('says what it needs to know', async () => {
    assert.match((await trace('/cart')).err, /there are several fleets, name one with --fleet: edge, inner/);
    assert.match(
      (await trace('/cart', '--fleet', 'edge', '-H', 'nonsense')).err,
      /"nonsense" is no header: write "name: value"/,
    );
    assert.match((await trace('cart', '--fleet', 'edge')).err, /"cart" is neither a URL nor a path/);
    assert.match(
      (await trace('http://x:99/', '--fleet', 'edge')).err,
      /no listener 99; its listeners: gateway\/public\/80/,
    );
    assert.match((await trace('/', '--proxy', 'edge-1')).err, /--proxy needs a server/);
  });
});
