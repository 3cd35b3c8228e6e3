import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { typeUrl } from '../../../proto/codec.ts';
import { shopPolicy, world } from './controller-world.ts';

const clusters = typeUrl('envoy.config.cluster.v3.Cluster');
const words = `ClusterValidationError.ConnectTimeout: ${'x'.repeat(5000)}\u001b[2J: value must be greater than 0s`;

type World = ReturnType<typeof world>;

function versionOf({ board }: World, name: string): string {
  return board.current!.snapshots.get('edge')!.types.get(clusters)!.resources.get(name)!.version;
}

/** Two proxies of the edge have rejected a cluster in force. */
function found(it: World, name: string, instead?: string) {
  const about = { fleet: 'edge', typeUrl: clusters, name, version: versionOf(it, name) };
  return it.controller.changeQuarantine({ found: { ...about, message: words, proxies: ['a', 'b'], instead } });
}

/** `other` with a changed timeout, so that there is content from before. */
const changed = shopPolicy().replace(
  'endpoints: [{ address: "10.0.1.1:80" }]',
  'connectTimeout: 3s\n    endpoints: [{ address: "10.0.1.1:80" }]',
);

describe('quarantines in force', () => {
  it('are warnings of what is accepted, with place and remedy', async () => {
    const it = world();
    await it.submit(shopPolicy());
    const before = versionOf(it, 'other');
    await it.submit(changed);
    assert.equal(it.controller.accepted?.warnings.length, 0);
    assert.equal((await found(it, 'other', before)).kind, 'done');
    const [warning, ...more] = it.controller.accepted?.warnings ?? [];
    assert.deepEqual(more, []);
    assert.equal(warning?.code, 'proxy.quarantined');
    assert.equal(warning?.severity, 'warning');
    assert.deepEqual(warning?.path, ['services', 'other', 'connectTimeout']);
    const line = changed.split('\n').findIndex(text => text.includes('connectTimeout')) + 1;
    assert.deepEqual([warning?.source?.file, warning?.source?.line], ['switchyard.yaml', line]);
    assert.match(warning?.hint ?? '', /switchyard quarantine release/);
    assert.match(
      warning?.message ?? '',
      /^The proxies of fleet "edge" reject Cluster "other", so its last good content /,
    );
    assert.match(warning?.message ?? '', /value must be greater than 0s$/, 'the reason stands at the end');
    assert.ok((warning?.message.length ?? 0) < 600);
    assert.doesNotMatch(warning?.message ?? '', /\p{Cc}/u);
  });

  it('say when nothing is sent instead, and are no warnings of other policies', async () => {
    const it = world();
    await it.submit(shopPolicy());
    await found(it, 'other');
    assert.match(it.controller.accepted?.warnings[0]?.message ?? '', /, so it is left out: /);
    const preview = await it.controller.preview([{ file: 'switchyard.yaml', format: 'yaml', text: changed }]);
    assert.deepEqual([preview.kind, preview.kind === 'acceptable' && preview.warnings], ['acceptable', []]);
    await it.submit(changed);
    assert.deepEqual(it.controller.accepted?.warnings, []);
  });

  it('are warnings until they are released', async () => {
    const it = world();
    await it.submit(shopPolicy());
    await found(it, 'other');
    const release = { fleet: 'edge', typeUrl: clusters, name: 'other' };
    assert.equal((await it.controller.changeQuarantine({ release })).kind, 'done');
    assert.deepEqual(it.controller.accepted?.warnings, []);
  });
});
