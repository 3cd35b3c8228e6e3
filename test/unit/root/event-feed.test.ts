import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventFeed } from '../../../src/event-feed.ts';
import type { LoggedEvent } from '../../../src/events/event.ts';
import type { XdsEvent } from '../../../src/xds/events.ts';
import { AdminWorld, drain, now, shift, typeUrls } from '../admin/admin-world.ts';

function watched() {
  const world = new AdminWorld();
  let changed: () => void = () => {};
  const control = {
    get accepted() {
      return world.control.accepted;
    },
    get rejected() {
      return world.control.rejected;
    },
    origin: (...given: Parameters<typeof world.control.origin>) => world.control.origin(...given),
    onChange: (listener: () => void) => {
      changed = listener;
      return () => {};
    },
  };
  const { events, fleet } = world;
  const feed = new EventFeed({ control, fleet, events, latency: () => 12.345 });
  feed.follow();
  const since = events.last;
  const apply = (event: XdsEvent) => {
    world.apply(event);
    feed.see(event);
  };
  const heard = () => events.after(since, {}, 1000).events.map(({ id: _, at: __, ...content }: LoggedEvent) => content);
  return { world, apply, heard, changed: () => changed() };
}

const about = { clientId: 1, typeUrl: typeUrls.Cluster, version: 'v', nonce: '1' };
const node = { id: 'edge-1', cluster: 'edge', region: '', zone: 'a', subZone: '', metadata: {}, version: '1.40.0' };

function connect(apply: (event: XdsEvent) => void): void {
  apply({ kind: 'opened', clientId: 1, variant: 'delta', peer: '10.0.0.9:1' });
  apply({ kind: 'identified', clientId: 1, node });
  apply({ kind: 'assigned', clientId: 1, assignment: { kind: 'assigned', key: 'edge' } });
}

describe('events of proxies', () => {
  it('tell of connection, push, acknowledgement and end', () => {
    const { apply, heard } = watched();
    connect(apply);
    apply({ kind: 'subscribed', clientId: 1, typeUrl: typeUrls.Cluster, wildcard: true, names: 0 });
    apply({ kind: 'sent', ...about, resources: 2, removed: 1, bytes: 1000 });
    apply({ kind: 'acked', ...about });
    apply({ kind: 'closed', clientId: 1, reason: 'the stream has ended' });
    const of = { proxy: 'edge-1', fleet: 'edge' };
    const cds = { ...of, resourceType: 'CDS', version: 'v' };
    assert.deepEqual(heard(), [
      { type: 'connected', message: 'edge-1 has connected and is of fleet edge', ...of },
      { type: 'push', message: 'edge-1 is sent 2 CDS and the end of 1, 1000 bytes', ...cds },
      { type: 'ack', message: 'edge-1 has acknowledged CDS', latencyMs: 12.3, ...cds },
      { type: 'disconnected', message: 'edge-1 has gone: the stream has ended', ...of },
    ]);
  });

  it('tell of rejections with the place, once for each resource', () => {
    const { world, apply, heard } = watched();
    world.accept();
    connect(apply);
    apply({ kind: 'nacked', ...about, code: 3, message: 'no such filter' });
    const reject = world.reject('Cluster', 'catalog@v1', 'no such filter');
    apply({ kind: 'withheld', clientId: 1, rejects: [reject], suspects: [] });
    apply({ kind: 'withheld', clientId: 1, rejects: [reject], suspects: [] });
    const told = heard().slice(1);
    assert.deepEqual(
      told.map(each => each.type),
      ['nack', 'reject'],
    );
    assert.equal(told[0]?.message, 'edge-1 rejects CDS: no such filter');
    assert.equal(told[1]?.message, 'edge-1 rejects CDS catalog@v1 and keeps what it had: no such filter');
    assert.deepEqual([told[1]?.resource, told[1]?.file, told[1]?.line], ['catalog@v1', 'switchyard.yaml', 7]);
  });

  it('never quote a secret (P29)', () => {
    const { apply, heard } = watched();
    connect(apply);
    const typeUrl = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
    apply({ kind: 'nacked', ...about, typeUrl, code: 3, message: '-----BEGIN PRIVATE KEY-----' });
    assert.doesNotMatch(JSON.stringify(heard()), /PRIVATE KEY/);
  });

  it('bound what a proxy says', () => {
    const { apply, heard } = watched();
    connect(apply);
    apply({ kind: 'nacked', ...about, code: 3, message: 'x'.repeat(1_000_000) });
    assert.ok((heard()[1]?.message.length ?? 0) <= 1000);
  });

  it('tell of proxies that are given nothing, and of limits', () => {
    const { apply, heard } = watched();
    apply({ kind: 'opened', clientId: 1, variant: 'delta', peer: '10.0.0.9:1' });
    apply({ kind: 'identified', clientId: 1, node });
    apply({ kind: 'assigned', clientId: 1, assignment: { kind: 'unmatched', nearest: undefined, why: 'no fleet' } });
    apply({ kind: 'limited', clientId: 1, limit: 'names', message: 'too many names' });
    assert.deepEqual(heard(), [
      { type: 'connected', message: 'edge-1 has connected and is given nothing: no fleet', proxy: 'edge-1' },
      { type: 'limit', message: 'too many names', proxy: 'edge-1', code: 'names' },
    ]);
  });
});

describe('events of the controller', () => {
  it('tell of a revision, its author and the fleets it changes', () => {
    const { world, heard, changed } = watched();
    world.accept();
    changed();
    changed();
    const message = 'revision 7 by bob (saved): changes edge';
    assert.deepEqual(heard(), [{ type: 'revision', message, revision: 7, author: 'bob', reason: 'saved' }]);
  });

  it('tell of overrides that are set and end, and of quarantines', () => {
    const { world, heard, changed } = watched();
    world.accept();
    changed();
    world.accept([shift, drain], [world.quarantine('Cluster', 'catalog@v1')]);
    changed();
    world.accept([shift]);
    changed();
    const [, ...told] = heard();
    assert.deepEqual(
      told.filter(each => each.type !== 'problem').map(each => each.message),
      [
        'routes/shop/rules/everyone: weights catalog@v1=90 catalog@v2=10, by ada',
        'services/catalog/endpoints/10.0.0.1:8080: draining, by ada',
        'proxies of edge reject catalog@v1, so it is not sent any more: no such thing',
        'services/catalog/endpoints/10.0.0.1:8080: as declared again',
        'catalog@v1 of edge is not in quarantine any more',
      ],
    );
  });

  it('tell of a save that was not taken, with its errors', () => {
    const { world, heard, changed } = watched();
    const source = { file: 'switchyard.yaml', line: 3, column: 5 };
    const error = {
      code: 'schema.missing',
      severity: 'error',
      message: 'it is missing',
      path: ['services'],
      source,
    } as const;
    world.control.rejected = { at: now, source: 'file', problems: [error] };
    changed();
    changed();
    assert.deepEqual(heard(), [
      { type: 'refused', message: 'a change by file was not taken, and what was in force goes on: 1 errors' },
      {
        type: 'problem',
        message: 'switchyard.yaml:3:5: error schema.missing services: it is missing',
        code: 'schema.missing',
        ...source,
      },
    ]);
  });
});
