import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { noOperationalState } from '../../../src/policy/operational-state.ts';
import { fleetsOf } from '../../support/golden-case.ts';

const root = path.join(import.meta.dirname, '..', '..', '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

interface ComposeService {
  readonly image?: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly command?: readonly string[];
}

const services = (file: string): readonly (readonly [string, ComposeService])[] =>
  Object.entries((parseYaml(read(file), { merge: true }) as { services: Record<string, ComposeService> }).services);

/** A top-level key that the older docker-compose does not know makes it refuse the whole file. */
const topLevel = new Set(['services', 'networks', 'volumes', 'secrets', 'configs']);

for (const file of ['compose/demo.yaml', 'compose/existing-envoys.yaml']) {
  describe(file, () => {
    it('uses top-level keys that both generations of compose know', () => {
      const keys = Object.keys(parseYaml(read(file), { merge: true }) as object);
      assert.deepEqual(
        keys.filter(key => !topLevel.has(key) && !key.startsWith('x-')),
        [],
      );
    });

    it('publishes on loopback, unless its user says otherwise', () => {
      const ports = services(file).flatMap(([, service]) => service.ports ?? []);
      assert.ok(ports.length > 0);
      for (const port of ports) assert.match(port, /^(127\.0\.0\.1|\$\{\w+:-127\.0\.0\.1\}):/);
    });

    it('gives no container rights that it does not need', () => {
      for (const [name, service] of services(file)) {
        assert.equal(service.read_only, true, name);
        assert.deepEqual(service.cap_drop, ['ALL'], name);
        // The image of the control plane says its user itself.
        if (service.image?.startsWith('switchyard:')) continue;
        assert.match(service.user ?? '', /^[1-9]\d*:[1-9]\d*$/, name);
      }
    });
  });
}

describe('compose', () => {
  it('uses the Node and the Envoy that the project is tested with', () => {
    const node = (JSON.parse(read('setup/node.json')) as { version: string }).version;
    const envoy = (JSON.parse(read('envoy/version.json')) as { version: string }).version;
    const images = services('compose/demo.yaml').flatMap(([, service]) => service.image ?? []);
    const expected = [
      `envoyproxy/envoy:distroless-v${envoy}`,
      `node:${node}-bookworm-slim`,
      'switchyard:${SWITCHYARD_DEMO_TAG:-demo}',
    ];
    assert.deepEqual([...new Set(images)].sort(), expected);
    assert.match(read('compose/Dockerfile'), new RegExp(`^ARG NODE_IMAGE=node:${node}-bookworm-slim$`, 'm'));
  });

  it('starts each proxy on the bootstrap of its kind', () => {
    const proxies = services('compose/demo.yaml').filter(([, { image }]) => image?.startsWith('envoyproxy/'));
    const cast = proxies.map(([, { command = [], volumes = [] }]) => {
      const flag = (name: string) => command[command.indexOf(name) + 1];
      return [flag('--service-node'), flag('--service-cluster'), volumes[0]?.split(':')[0]];
    });
    assert.deepEqual(cast, [
      ['edge-delta-1', 'edge-delta', '../envoy/edge-delta.yaml'],
      ['edge-sotw-1', 'edge-sotw', '../envoy/edge-sotw.yaml'],
      ['catalog-3', 'catalog', '../envoy/sidecar-delta.yaml'],
      ['checkout-1', 'checkout', '../envoy/sidecar-sotw.yaml'],
    ]);
  });

  it('routes as the demonstration of plain processes does', () => {
    const routes = (file: string) => (parseYaml(read(file)) as { routes: unknown }).routes;
    assert.deepEqual(routes('compose/policy/switchyard.yaml'), routes('demo/switchyard.yaml'));
  });

  for (const folder of ['policy', 'existing-envoys']) {
    it(`has a policy without problems in ${folder}/`, () => {
      const policy = read(`compose/${folder}/switchyard.yaml`);
      const names = [...policy.matchAll(/address: "([a-z]+-\d):/g)].map(
        ([, name = ''], index) => [name, index] as const,
      );
      const resolved = new Map(names.map(([name, index]) => [name, [`10.0.0.${index + 2}`]]));
      const fleets = fleetsOf({
        name: folder,
        folder: '',
        policy,
        state: noOperationalState,
        resolved,
        select: undefined,
      });
      assert.equal(fleets.length, folder === 'policy' ? 4 : 1);
    });
  }

  it('copies into the image only what .dockerignore lets through', () => {
    const copies = [...read('compose/Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) =>
      sources.split(' '),
    );
    const allowed = new Set([...read('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, name]) => name));
    assert.deepEqual(
      copies.filter(name => !allowed.has(name)),
      [],
    );
    assert.deepEqual(new Set(copies), allowed);
  });
});
