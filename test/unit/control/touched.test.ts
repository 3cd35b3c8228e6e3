import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memo1 } from '../../../src/base/memo.ts';
import { type Pipeline, pipeline } from '../../../src/control/pipeline.ts';
import type { Policy, PolicyInput } from '../../../src/policy/kinds.ts';
import type { StoredDocument } from '../../../src/store/store.ts';
import { world } from './controller-world.ts';

/**
 * What a change looks at: services and routes that it leaves alone stay closed, from the reading to the publication. Each
 * look at one of them is counted, so that a walk over all of them is found without a clock.
 */

const services = 300;
const inDocument = 100;

interface Facts {
  readonly weight?: number;
  readonly timeout?: number;
}

const nameOf = (index: number) => `s${String(index).padStart(3, '0')}`;

function documentsOf({ weight = 1, timeout = 3 }: Facts): readonly StoredDocument[] {
  const all = Array.from({ length: services }, (_, index) => index);
  const document = (file: string, value: PolicyInput): StoredDocument => {
    return { file, format: 'json', text: JSON.stringify(value) };
  };
  const parts = Array.from({ length: services / inDocument }, (_, part) =>
    all.slice(part * inDocument).slice(0, inDocument),
  );
  const by = <T>(numbers: readonly number[], make: (index: number) => T): Record<string, T> =>
    Object.fromEntries(numbers.map(index => [nameOf(index), make(index)]));
  const endpoints = (index: number) =>
    [0, 1, 2].map(at => ({
      address: `10.${at}.${index >> 8}.${index & 255}:80`,
      weight: index === 7 && at === 0 ? weight : 1,
    }));
  return [
    ...parts.map((part, at) =>
      document(`services-${at}.json`, { services: by(part, index => ({ endpoints: endpoints(index) })) }),
    ),
    ...parts.map((part, at) =>
      document(`routes-${at}.json`, {
        routes: by(part, index => ({
          gateways: ['one', 'two'],
          hosts: [`host-${index}.test`],
          rules: [{ name: 'all', to: [{ service: nameOf(index) }], timeout: index === 7 ? `${timeout}s` : '3s' }],
        })),
      }),
    ),
    document('system.json', {
      gateways: {
        one: { listeners: [{ port: 8001, protocol: 'http' }] },
        two: { listeners: [{ port: 8002, protocol: 'http' }] },
      },
      fleets: {
        one: { match: { cluster: 'one' }, gateways: ['one'] },
        two: { match: { cluster: 'two' }, gateways: ['two'] },
      },
    }),
  ];
}

/** A world in which each look into a service or a route is counted by its name. */
class Watched {
  readonly controller: ReturnType<typeof world>['controller'];
  readonly touched = new Map<string, number>();
  /** Documents that have not changed are the same objects, as they come from a folder. */
  #documents: readonly StoredDocument[] = [];

  constructor() {
    this.controller = world({ pipeline: this.#pipeline() }).controller;
  }

  async save(facts: Facts): Promise<void> {
    const known = new Map(this.#documents.map(each => [each.text, each]));
    this.#documents = documentsOf(facts).map(each => known.get(each.text) ?? each);
    const about = { author: 'ada', source: 'file', reason: 'saved' } as const;
    const outcome = await this.controller.submit(this.#documents, about);
    assert.equal(outcome.kind, 'accepted', JSON.stringify(outcome));
  }

  /** Names of what an act has looked into. */
  async during(act: () => Promise<unknown>): Promise<readonly string[]> {
    this.touched.clear();
    await act();
    return [...this.touched.keys()].sort();
  }

  #pipeline(): Pipeline {
    const watched = (kind: string) =>
      keepingWatch((name, value) => {
        const id = `${kind}/${name}`;
        const see = () => this.touched.set(id, (this.touched.get(id) ?? 0) + 1);
        return new Proxy(value, {
          get: (target, key) => {
            see();
            return Reflect.get(target, key);
          },
          ownKeys: target => {
            see();
            return Reflect.ownKeys(target);
          },
        });
      });
    const [ofServices, ofRoutes] = [watched('services'), watched('routes')];
    const policyOf = memo1((policy: Policy): Policy => {
      const { services: plain, routes, ...more } = policy;
      return { services: ofServices(plain), routes: ofRoutes(routes), ...more };
    });
    return {
      ...pipeline,
      read: documents => {
        const read = pipeline.read(documents);
        return { ...read, policy: read.policy && policyOf(read.policy) };
      },
    };
  }
}

/** The same record with something in front of each value; of the same value the same. */
function keepingWatch(front: (name: string, value: object) => object) {
  const known = new WeakMap<object, object>();
  const one = (name: string, value: object) => {
    const made = known.get(value) ?? front(name, value);
    known.set(value, made);
    return made;
  };
  return memo1(<T extends object>(record: Readonly<Record<string, T>>): Record<string, T> => {
    return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, one(name, value) as T]));
  }) as <T extends object>(record: Readonly<Record<string, T>>) => Record<string, T>;
}

describe(`a change among ${services} services and routes, in two fleets, looks into`, () => {
  it('the service whose endpoint a file has changed, and the route to it', async () => {
    const watched = new Watched();
    await watched.save({});
    await watched.save({ weight: 2 });
    for (const weight of [3, 4]) {
      const touched = await watched.during(() => watched.save({ weight }));
      assert.deepEqual(touched, ['routes/s007', 'services/s007']);
    }
  });

  it('of services, that to which a route leads that a file has changed', async () => {
    const watched = new Watched();
    await watched.save({});
    await watched.save({ timeout: 4 });
    for (const timeout of [5, 6]) {
      const touched = await watched.during(() => watched.save({ timeout }));
      // Hosts are compared with those of all routes.
      assert.deepEqual(
        touched.filter(each => each.startsWith('services/')),
        ['services/s007'],
      );
    }
  });

  it('the service of which the API has moved an endpoint', async () => {
    const watched = new Watched();
    await watched.save({});
    const move = (weight: number) =>
      watched.controller.overrideEndpoint(
        { service: nameOf(7), address: '10.1.0.7:80', weight, by: 'ada' },
        { force: false },
      );
    await move(2);
    for (const weight of [3, 4]) {
      const touched = await watched.during(() => move(weight));
      assert.deepEqual(touched, ['services/s007']);
    }
  });

  it('the service whose endpoints have other computed weights', async () => {
    const watched = new Watched();
    await watched.save({});
    const give = (weight: number) =>
      watched.controller.computed.give({
        service: nameOf(7),
        source: 'agent',
        ttl: 60_000,
        force: false,
        weights: { '10.1.0.7:80': weight },
      });
    await give(2);
    for (const weight of [3, 4]) assert.deepEqual(await watched.during(() => give(weight)), ['services/s007']);
  });
});
