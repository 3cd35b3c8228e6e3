import type { PolicyInput } from '../../src/policy/kinds.ts';
import type { Chance } from './chance.ts';
import type { RuleInput, ServiceInput } from './world.ts';

/** What random policies are made of. */
export interface Material {
  readonly chance: Chance;
  /** Addresses of applications that always answer. */
  readonly steady: readonly string[];
  /** Address of one that fails some requests at the first attempt, and none at the second. */
  readonly moody: string;
  /** Milliseconds that a request may take. */
  readonly timeout: number;
  /** Fleets, each of one proxy, by name. */
  readonly casts: readonly FleetCast[];
}

export interface FleetCast {
  readonly name: string;
  readonly xds: NonNullable<PolicyInput['fleets']>[string]['xds'];
  /** Never changes but for its routes. */
  readonly port: number;
  /** Changes its settings. */
  readonly side: number;
  /** One of these is open. */
  readonly moving: readonly [number, number];
}

export const paths = ['/a', '/b', '/c'] as const;
const lanes = ['v1', 'v2'] as const;
/** Few, so that names come back while what had them lingers. */
const serviceNames = Array.from({ length: 8 }, (_, index) => `service-${index}`);

interface Service {
  readonly endpoints: readonly string[];
  readonly versions: boolean;
  /** Milliseconds that a health check may take; undefined: there are none. */
  readonly check: number | undefined;
  readonly connectTimeout: number;
  readonly balancing: 'roundRobin' | 'leastRequest' | 'random';
  /** The zone of the proxy comes first. */
  readonly zoned: boolean;
  /** What takes over, if it is there and its name comes later, so that nothing leads in a circle. */
  readonly fallback: string | undefined;
  /** All of its endpoints drain: what takes over has the requests; without, they have. */
  readonly draining: boolean;
}

interface Destination {
  readonly service: string;
  readonly version?: (typeof lanes)[number];
  readonly weight: number;
}

interface Shop {
  readonly services: ReadonlyMap<string, Service>;
  readonly rules: ReadonlyMap<string, readonly Destination[]>;
  readonly trusted: number;
  readonly moved: number;
}

/**
 * A policy that changes by chance, and on which no request ever has a reason to fail: every path leads to services that
 * have endpoints, at every moment.
 */
export class RandomPolicy {
  readonly #material: Material;
  readonly #changes: readonly ((shop: Shop) => readonly [string, Shop])[];
  readonly #past: Shop[] = [];
  #shop: Shop;

  constructor(material: Material) {
    this.#material = material;
    this.#changes = [
      shop => this.#replace(shop),
      shop => this.#rename(shop),
      shop => this.#move(shop),
      shop => this.#split(shop),
      shop => this.#weigh(shop),
      shop => this.#alter(shop, 'endpoints', service => ({ ...service, endpoints: this.#endpoints(service.versions) })),
      shop => this.#alter(shop, 'check', service => ({ ...service, check: this.#check() })),
      shop => this.#alter(shop, 'settings', service => ({ ...service, ...this.#settings() })),
      shop => this.#alter(shop, 'fallback', service => ({ ...service, fallback: this.#fallback() })),
      shop => this.#alter(shop, 'draining', service => ({ ...service, draining: !service.draining })),
      shop => this.#version(shop),
      shop => ['side listener changed', { ...shop, trusted: 1 - shop.trusted }],
      shop => ['listener moved', { ...shop, moved: 1 - shop.moved }],
      shop => ['back to what was', this.#past.at(-1 - this.#chance.below(4)) ?? shop],
    ];
    this.#shop = {
      services: new Map(serviceNames.slice(0, 3).map(name => [name, this.#service()])),
      rules: new Map(paths.map((path, index) => [path, [{ service: `service-${index}`, weight: 1 }]])),
      trusted: 0,
      moved: 0,
    };
  }

  /** Port that the moving listener of a fleet has now. */
  movedTo({ moving }: FleetCast): number {
    return moving[this.#shop.moved === 0 ? 0 : 1];
  }

  /** Changes one thing to three things. @returns what it was, in words. */
  change(): string {
    const before = this.#shop;
    const count = this.#chance.happens(0.7) ? 1 : 2 + this.#chance.below(2);
    const words: string[] = [];
    for (let index = 0; index < count; index++) {
      const [what, shop] = this.#chance.of(this.#changes)(this.#shop);
      words.push(what);
      this.#shop = pruned(shop);
    }
    this.#past.push(before);
    return words.join('; ');
  }

  get policy(): PolicyInput {
    const { casts } = this.#material;
    const { services, rules, trusted } = this.#shop;
    const http = { address: '127.0.0.1', protocol: 'http' } as const;
    return {
      services: Object.fromEntries([...services].map(([name, service]) => [name, this.#declared(name, service)])),
      gateways: Object.fromEntries(
        casts.map(cast => [
          cast.name,
          {
            listeners: [
              { ...http, port: cast.port },
              { ...http, port: cast.side, trustedProxies: trusted },
              { ...http, port: this.movedTo(cast) },
            ],
          },
        ]),
      ),
      routes: {
        shop: {
          gateways: casts.map(each => each.name),
          rules: [...rules].map(([path, to]): RuleInput => ({ match: { path }, to: [...to] })),
        },
      },
      fleets: Object.fromEntries(
        casts.map(({ name, xds }) => [
          name,
          { match: { cluster: name }, gateways: [name], xds, zones: { a: 1, b: 2 } },
        ]),
      ),
    };
  }

  get #chance(): Chance {
    return this.#material.chance;
  }

  #declared(name: string, service: Service): ServiceInput {
    const { endpoints, versions, check, connectTimeout, balancing, zoned, fallback, draining } = service;
    return {
      endpoints: endpoints.map((address, index) => ({
        address,
        ...(zoned ? { zone: index % 2 === 0 ? 'a' : 'b' } : {}),
        ...(draining ? { state: 'draining' } : {}),
        ...(versions ? { labels: { lane: lanes[index % 2] ?? lanes[0] } } : {}),
      })),
      ...(versions ? { versions: Object.fromEntries(lanes.map(lane => [lane, { labels: { lane } }])) } : {}),
      ...(check === undefined ? {} : { healthCheck: { http: { path: '/health' }, timeout: `${check}ms` } }),
      connectTimeout: `${connectTimeout}ms`,
      loadBalancing: { policy: balancing, zones: zoned ? 'ownFirst' : 'ignored' },
      ...(fallback !== undefined && fallback > name && this.#shop.services.has(fallback) ? { fallback } : {}),
      timeout: `${this.#material.timeout}ms`,
      retries: {
        attempts: 2,
        on: ['connectFailure', 'refusedStream', 'resetBeforeRequest', 'reset', 'gatewayError'],
        backoff: { base: '100ms', max: '300ms' },
      },
    };
  }

  #service(versions = this.#chance.happens(0.3)): Service {
    return {
      endpoints: this.#endpoints(versions),
      versions,
      check: this.#check(),
      ...this.#settings(),
      draining: false,
    };
  }

  /** At least two, so that each version has one and a retry has another to go to. */
  #endpoints(versions: boolean): readonly string[] {
    const { steady, moody } = this.#material;
    const some = this.#chance.some(steady, 2);
    return !versions && this.#chance.happens(0.4) ? [...some, moody] : some;
  }

  #check(): number | undefined {
    return this.#chance.happens(0.3) ? 300 + this.#chance.below(4) * 50 : undefined;
  }

  #fallback(): string | undefined {
    return this.#chance.happens(0.7) ? this.#chance.of(serviceNames) : undefined;
  }

  #settings(): Pick<Service, 'connectTimeout' | 'balancing' | 'zoned' | 'fallback'> {
    return {
      connectTimeout: 1000 + this.#chance.below(5) * 100,
      balancing: this.#chance.of(['roundRobin', 'leastRequest', 'random'] as const),
      zoned: this.#chance.happens(0.3),
      fallback: this.#fallback(),
    };
  }

  #unused({ services }: Shop): string {
    return this.#chance.of(serviceNames.filter(name => !services.has(name)));
  }

  #replace(shop: Shop): readonly [string, Shop] {
    const [path, name] = [this.#chance.of(paths), this.#unused(shop)];
    const services = new Map([...shop.services, [name, this.#service()] as const]);
    return [
      `${path} to the new ${name}`,
      { ...shop, services, rules: new Map([...shop.rules, [path, [{ service: name, weight: 1 }]] as const]) },
    ];
  }

  #rename(shop: Shop): readonly [string, Shop] {
    const [from, to] = [this.#chance.of([...shop.services.keys()]), this.#unused(shop)];
    const services = new Map([...shop.services].map(([name, each]) => [name === from ? to : name, each]));
    const rules = new Map(
      [...shop.rules].map(([path, destinations]) => [
        path,
        destinations.map(each => (each.service === from ? { ...each, service: to } : each)),
      ]),
    );
    return [`${from} renamed to ${to}`, { ...shop, services, rules }];
  }

  #move(shop: Shop): readonly [string, Shop] {
    const path = this.#chance.of(paths);
    const to = this.#destination(shop);
    return [`${path} moved to ${say(to)}`, { ...shop, rules: new Map([...shop.rules, [path, [to]] as const]) }];
  }

  #split(shop: Shop): readonly [string, Shop] {
    const path = this.#chance.of(paths);
    const to = [{ ...this.#destination(shop), weight: 1 }, this.#destination(shop)];
    const unlike = say(to[0]) === say(to[1]) ? to.slice(0, 1) : to;
    return [
      `${path} split to ${unlike.map(say).join(' and ')}`,
      { ...shop, rules: new Map([...shop.rules, [path, unlike] as const]) },
    ];
  }

  #weigh(shop: Shop): readonly [string, Shop] {
    const path = this.#chance.of(paths);
    const to = (shop.rules.get(path) ?? []).map((each, index) => ({
      ...each,
      weight: index === 0 ? 1 : this.#chance.below(4),
    }));
    return [`weights of ${path}`, { ...shop, rules: new Map([...shop.rules, [path, to] as const]) }];
  }

  #alter(shop: Shop, what: string, change: (service: Service) => Service): readonly [string, Shop] {
    const [name, service] = this.#chance.of([...shop.services]);
    return [`${what} of ${name}`, { ...shop, services: new Map([...shop.services, [name, change(service)] as const]) }];
  }

  /** Gives a service versions, or takes them away, from the routes as well. */
  #version(shop: Shop): readonly [string, Shop] {
    const [name, service] = this.#chance.of([...shop.services]);
    const versions = !service.versions;
    const services = new Map([
      ...shop.services,
      [name, { ...service, versions, endpoints: this.#endpoints(versions) }] as const,
    ]);
    const rules = new Map(
      [...shop.rules].map(([path, to]) => {
        const weight = to.find(each => each.service === name)?.weight;
        if (weight === undefined) return [path, to] as const;
        const others = to.filter(each => each.service !== name);
        const own = versions
          ? lanes.map(version => ({ service: name, version, weight: 1 }))
          : [{ service: name, weight: 1 }];
        return [path, [...others, ...own]] as const;
      }),
    );
    return [`versions of ${name} ${versions ? 'added' : 'removed'}`, { ...shop, services, rules }];
  }

  #destination(shop: Shop): Destination {
    const [service, { versions }] = this.#chance.of([...shop.services]);
    const version = versions && this.#chance.happens(0.7) ? { version: this.#chance.of(lanes) } : {};
    return { service, ...version, weight: this.#chance.below(4) || 1 };
  }
}

/** Without services that nobody is sent to. */
function pruned(shop: Shop): Shop {
  const used = new Set([...shop.rules.values()].flatMap(to => to.map(each => each.service)));
  return { ...shop, services: new Map([...shop.services].filter(([name]) => used.has(name))) };
}

function say(to: Destination | undefined): string {
  return to === undefined ? '' : `${to.service}${to.version === undefined ? '' : `@${to.version}`}`;
}
