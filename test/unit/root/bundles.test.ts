import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { keepBundles } from '../../../src/bundles.ts';
import type { Accepted } from '../../../src/control/control.ts';
import { pipeline } from '../../../src/control/pipeline.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

const text = (service: string) =>
  JSON.stringify({
    services: { [service]: { endpoints: [{ address: '10.0.0.1:80' }] } },
    gateways: { public: { listeners: [{ port: 80, protocol: 'http' }] } },
    routes: { shop: { gateways: ['public'], rules: [{ to: [{ service }] }] } },
    fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
  });

function acceptedOf(service: string): Accepted {
  const { policy, sources } = pipeline.read([{ file: 'a.json', format: 'json', text: text(service) }]);
  assert.ok(policy);
  const outcome = pipeline.build({ policy, sources, overrides: [], resolved: new Map(), quarantines: [] }, undefined);
  assert.equal(outcome.kind, 'built');
  const revision = {
    number: 1,
    at: 0,
    author: '',
    source: 'file',
    reason: '',
    documents: [],
    overrides: [],
    kind: 'declared',
    what: '',
  } as const;
  return { ...outcome.build, revision, warnings: [] };
}

/** A controller that is only looked at. */
function source() {
  const listeners = new Set<() => void>();
  let accepted: Accepted | undefined;
  return {
    listeners,
    control: {
      get accepted() {
        return accepted;
      },
      onChange: (listener: () => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    accept(service: string) {
      accepted = acceptedOf(service);
      for (const listener of [...listeners]) listener();
    },
  };
}

describe('bundles', () => {
  it('rests between writes, and writes the newest when it ends', async () => {
    const { control, accept, listeners } = source();
    const folder = temporaryDirectory();
    const rests: number[] = [];
    const reports: string[] = [];
    const content = () => readFileSync(join(folder, 'edge.json'), 'utf8');
    accept('first');
    const done = keepBundles({
      control,
      folder,
      report: message => reports.push(message),
      signal: stop.signal,
      restAfter: ms => {
        rests.push(ms);
        return 600_000;
      },
    });
    await until('the first bundle', () => rests.length === 1);
    assert.match(content(), /"first"/);
    for (const name of ['second', 'third', 'fourth']) accept(name);
    stop.abort();
    await done;
    assert.match(content(), /"fourth"/);
    assert.equal(rests.length, 1, 'nothing was written in between');
    assert.equal(listeners.size, 0);
    assert.deepEqual(reports, []);
  });

  it('writes each change when there is time', async () => {
    const { control, accept, listeners } = source();
    const folder = temporaryDirectory();
    const content = () => readFileSync(join(folder, 'edge.json'), 'utf8');
    const done = keepBundles({ control, folder, report: () => {}, signal: stop.signal, restAfter: () => 0 });
    for (const name of ['first', 'second']) {
      await until('waiting', () => listeners.size === 1);
      accept(name);
      await until(name, () => {
        try {
          return content().includes(`"${name}"`);
        } catch {
          return false;
        }
      });
    }
    stop.abort();
    await done;
    assert.equal(listeners.size, 0);
  });
});
