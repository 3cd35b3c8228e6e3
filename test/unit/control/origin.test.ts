import assert from 'node:assert/strict';
import { it } from 'node:test';
import { typeUrl } from '../../../proto/codec.ts';
import { formatPath } from '../../../src/base/problem.ts';
import { servedTypes } from '../../../src/base/resource.ts';
import type { Controller } from '../../../src/control/controller.ts';
import type { Clue } from '../../../src/translate/origin.ts';
import { shopPolicy, world } from './controller-world.ts';

/** `path file:line:column`. */
function origin(controller: Controller, type: keyof typeof servedTypes, name: string, clue?: Clue): string | undefined {
  const found = controller.origin('edge', typeUrl(servedTypes[type]), name, clue);
  const { file, line, column } = found?.source ?? {};
  return found && `${formatPath(found.path)} ${file}:${line}:${column}`;
}

it('says where each resource in force comes from, in the file', async () => {
  const { controller, submit } = world();
  assert.equal(origin(controller, 'cluster', 'other'), undefined);
  await submit(shopPolicy());
  assert.equal(origin(controller, 'cluster', 'other'), 'services.other switchyard.yaml:9:3');
  assert.equal(origin(controller, 'cluster', 'catalog@v1'), 'services.catalog.versions.v1 switchyard.yaml:8:17');
  assert.equal(origin(controller, 'endpoint', 'catalog@v2'), 'services.catalog.versions.v2 switchyard.yaml:8:50');
  assert.equal(
    origin(controller, 'listener', 'gateway/public/10000'),
    'gateways.public.listeners[0] switchyard.yaml:12:25',
  );
  assert.equal(origin(controller, 'route', 'gateway/public'), 'gateways.public switchyard.yaml:12:3');
  assert.equal(origin(controller, 'runtime', 'switchyard'), 'fleets.edge switchyard.yaml:28:3');
});

it('goes on from there by the field or by what Envoy says', async () => {
  const { controller, submit } = world();
  await submit(shopPolicy());
  const field = 'endpoints[0].lb_endpoints[0].load_balancing_weight';
  assert.equal(
    origin(controller, 'endpoint', 'catalog@v2', { field }),
    'services.catalog.endpoints[2].weight switchyard.yaml:7:9',
  );
  const words = 'Error: the route shop/everyone has too many destinations';
  assert.equal(origin(controller, 'route', 'gateway/public', { words }), 'routes.shop.rules[2] switchyard.yaml:22:9');
});

it('goes by the policy in force, not by a save that was refused', async () => {
  const { controller, submit } = world();
  await submit(shopPolicy());
  await submit(`# moved\n${shopPolicy({ more: 'extra: {}' })}`);
  assert.equal(origin(controller, 'cluster', 'other'), 'services.other switchyard.yaml:9:3');
  await submit(`# moved\n${shopPolicy()}`);
  assert.equal(origin(controller, 'cluster', 'other'), 'services.other switchyard.yaml:10:3');
});

it('knows nothing of what is not there', async () => {
  const { controller, submit } = world();
  await submit(shopPolicy());
  assert.equal(origin(controller, 'cluster', 'nothing'), undefined);
  assert.equal(controller.origin('nobody', servedTypes.cluster, 'other'), undefined);
  assert.equal(controller.origin('edge', 'example.Unknown', 'other'), undefined);
});
