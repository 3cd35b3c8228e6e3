import type { MessageTypes } from '../../proto/gen/message-types.ts';
import type { RawResource } from '../../src/snapshot/raw.ts';
import { runtimeLayer } from '../../src/translate/bootstrap.ts';
import { ask } from './client.ts';
import {
  collection,
  everyHost,
  type Hosts,
  host,
  listener,
  messages,
  mutation,
  type Ports,
  type RawType,
  raw,
  says,
  socket,
  staticCluster,
} from './raw-messages.ts';
import { urls } from './xds-fixtures.ts';

/** What the resources of a type say; requests show which it is. */
export type Edition = 'first' | 'second';

/** Resources of a type, in two editions that requests can tell apart, and what Envoy rejects of it. */
export interface Kind {
  readonly type: RawType;
  /** In the order of the response. The middle one is the one that goes bad. */
  readonly names: readonly string[];
  readonly good: (name: string, edition: Edition) => RawResource;
  /** The edition that a request meets. Rejects while it meets none. */
  readonly seen: (name: string) => Promise<string>;
  readonly faults: readonly Fault[];
}

export interface Fault {
  readonly cause: string;
  readonly bad: (name: string) => RawResource;
  readonly says: RegExp;
  /** Whether Envoy names the resource. */
  readonly named: boolean;
}

const twice: Hosts = ['a', 'b'].map(name => ({ name, domains: ['x.y'] }));
const noRegex: Hosts = everyHost({ match: { safe_regex: { regex: '(' } }, direct_response: { status: 200 } });

/** Bytes that are no message. */
function undecodable(type: RawType): Fault {
  return {
    cause: 'bytes that are no message',
    bad: name => ({ typeUrl: urls[type], name, value: new Uint8Array([0xff, 0xff, 0xff, 0xff]) }),
    says: new RegExp(`^Unable to unpack as ${messages[type]}: `),
    named: false,
  };
}

const backed = async (port: number, name: string): Promise<string> => (await ask(port, `/${name}`)).by;
const text = async (port: number, options = {}): Promise<string> => (await ask(port, '/', options)).text;

/** Three of every type that Envoy takes in a variant, of which one goes bad. */
export function kindsOf(ports: Ports, variant: 'sotw' | 'delta'): readonly Kind[] {
  const both = [clusters, endpoints, listeners, routes, scopes, secrets, runtime, extensions];
  return [...both, ...(variant === 'delta' ? [virtualHosts, localityEndpoints] : [])].map(make => make(ports));
}

function clusters({ main, ...backends }: Ports): Kind {
  const cluster = (name: string, edition: Edition, more: object = {}): RawResource =>
    raw('CDS', name, { ...staticCluster(name, backends[edition]), ...more });
  return {
    type: 'CDS',
    names: ['c1', 'c2', 'c3'],
    good: cluster,
    seen: name => backed(main, name),
    faults: [
      undecodable('CDS'),
      {
        cause: 'a field that breaks a rule',
        bad: name => cluster(name, 'second', { health_checks: [{}] }),
        says: /^goo\.gle.*HealthCheckValidationError\.Timeout: value is required\)$/s,
        named: true,
      },
      {
        cause: 'an unknown extension',
        bad: name => cluster(name, 'second', { transport_socket: { name: 'nope' } }),
        says: /^Error adding\/updating cluster\(s\) c2: Didn't find a registered implementation/,
        named: true,
      },
    ],
  };
}

function endpoints({ main, ...backends }: Ports): Kind {
  const assignment = (name: string, address: ReturnType<typeof socket>): RawResource =>
    raw('EDS', name, { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] });
  return {
    type: 'EDS',
    names: ['e1', 'e2', 'e3'],
    good: (name, edition) => assignment(name, socket(backends[edition])),
    seen: name => backed(main, name),
    faults: [
      undecodable('EDS'),
      {
        cause: 'a field that breaks a rule',
        bad: name => assignment(name, socket(70_000)),
        says: /^goo\.gle.*SocketAddressValidationError\.PortValue/s,
        named: true,
      },
      {
        cause: 'an address that is none',
        bad: name => assignment(name, socket(1, 'not-ip')),
        says: /^malformed IP address: not-ip/,
        named: false,
      },
    ],
  };
}

function listeners(ports: Ports): Kind {
  const portOf = (name: string): number => ports.listeners[Number(name.at(-1)) - 1] ?? 0;
  const web = (name: string, virtual_hosts: Hosts, port = portOf(name)): RawResource =>
    listener(name, port, { route_config: { name, virtual_hosts } });
  return {
    type: 'LDS',
    names: ['l1', 'l2', 'l3'],
    good: (name, edition) => web(name, everyHost(says(edition))),
    seen: name => text(portOf(name)),
    faults: [
      undecodable('LDS'),
      {
        cause: 'a rule broken inside a filter',
        bad: name => web(name, [{ name: '', domains: [] }]),
        says: /^Error adding\/updating listener\(s\) l2: goo\.gle.*VirtualHostValidationError/s,
        named: true,
      },
      {
        cause: 'an address that another process has',
        bad: name => web(name, everyHost(says('second')), ports.second),
        says: /^Error adding\/updating listener\(s\) l2: cannot bind '.*': Address already in use\n$/,
        named: true,
      },
    ],
  };
}

function routes(ports: Ports): Kind {
  const table = (name: string, virtual_hosts: Hosts): RawResource => raw('RDS', name, { name, virtual_hosts });
  return {
    type: 'RDS',
    names: ['r1', 'r2', 'r3'],
    good: (name, edition) => table(name, everyHost(says(edition))),
    seen: name => text(ports.tables[Number(name.at(-1)) - 1] ?? 0),
    faults: [
      undecodable('RDS'),
      {
        cause: 'a field that breaks a rule',
        bad: name => table(name, [{ name: '', domains: [] }]),
        says: /^goo\.gle.*RouteConfigurationValidationError\.VirtualHosts\[0]/s,
        named: true,
      },
      {
        cause: 'a domain twice',
        bad: name => table(name, twice),
        says: /^Only unique values.* in route r2$/,
        named: true,
      },
      {
        cause: 'a regular expression that is none',
        bad: name => table(name, noRegex),
        says: /^missing \)/,
        named: false,
      },
    ],
  };
}

function scopes(ports: Ports): Kind {
  const scope = (name: string, more: MessageTypes['envoy.config.route.v3.ScopedRouteConfiguration']): RawResource =>
    raw('SRDS', name, { name, key: { fragments: [{ string_key: name }] }, ...more });
  return {
    type: 'SRDS',
    names: ['p1', 'p2', 'p3'],
    good: (name, edition) => scope(name, { route_configuration_name: `scope-${edition}` }),
    seen: name => text(ports.scoped, { headers: { 'x-scope': name } }),
    faults: [
      undecodable('SRDS'),
      {
        cause: 'a field that breaks a rule',
        bad: name => scope(name, { route_configuration_name: 'scope-second', key: { fragments: [] } }),
        says: /^goo\.gle.*KeyValidationError\.Fragments/s,
        named: true,
      },
      { cause: 'no table', bad: name => scope(name, {}), says: /^route_configuration_name is empty/, named: false },
    ],
  };
}

function secrets({ main }: Ports): Kind {
  const generic = (name: string, secret: MessageTypes['envoy.config.core.v3.DataSource']): RawResource =>
    raw('SDS', name, { name, generic_secret: { secret } });
  return {
    type: 'SDS',
    names: ['s1', 's2', 's3'],
    good: (name, edition) => generic(name, { inline_string: edition }),
    seen: async name => String((await ask(main, '/c1')).seen().headers[`x-${name}`]),
    faults: [
      undecodable('SDS'),
      {
        cause: 'a field that breaks a rule',
        bad: name => raw('SDS', name, { name, session_ticket_keys: { keys: [] } }),
        says: /^goo\.gle.*TlsSessionTicketKeysValidationError\.Keys/s,
        named: true,
      },
      {
        cause: 'a file that is not there',
        bad: name => generic(name, { filename: '/does/not/exist' }),
        says: /\/does\/not/,
        named: false,
      },
    ],
  };
}

function runtime({ main }: Ports): Kind {
  return {
    type: 'RTDS',
    names: [runtimeLayer],
    good: (_, edition) => layer(edition),
    seen: async () => (await ask(main, '/runtime')).text,
    faults: [
      undecodable('RTDS'),
      {
        cause: 'a value of no kind that there is',
        bad: name => raw('RTDS', name, { name, layer: { 'first.percent': [1, 2] } }),
        says: /^Invalid runtime entry value for first\.percent$/,
        named: false,
      },
    ],
  };
}

function extensions({ main }: Ports): Kind {
  const filter = (name: string, value: string): RawResource =>
    raw('ECDS', name, { name, typed_config: mutation(name, value) });
  return {
    type: 'ECDS',
    names: ['f1', 'f2', 'f3'],
    good: filter,
    seen: async name => String((await ask(main, '/c1')).headers[`x-${name}`]),
    faults: [
      undecodable('ECDS'),
      {
        cause: 'a field that is missing',
        bad: name => raw('ECDS', name, { name }),
        says: /^goo\.gle.*TypedExtensionConfigValidationError\.TypedConfig/s,
        named: true,
      },
      {
        cause: 'a value that is none',
        bad: name => filter(name, '%NOPE%'),
        says: /^Not supported field/,
        named: false,
      },
    ],
  };
}

function virtualHosts(ports: Ports): Kind {
  return {
    type: 'VHDS',
    names: ['late/h1', 'late/h2', 'late/h3'],
    good: (name, edition) => host(name, { routes: [says(edition)] }),
    seen: name => text(ports.hosts, { host: name.slice('late/'.length) }),
    faults: [
      undecodable('VHDS'),
      {
        cause: 'a field that breaks a rule',
        bad: name => host(name, { domains: [] }),
        says: /^goo\.gle.*VirtualHostValidationError\.Domains/s,
        named: false,
      },
      {
        cause: 'a domain twice',
        bad: name => host(name, { domains: ['h1'] }),
        says: /^Only unique values.* in route late$/,
        named: false,
      },
    ],
  };
}

function localityEndpoints({ main, ...backends }: Ports): Kind {
  return {
    type: 'LEDS',
    names: [`${collection}/1`],
    good: (name, edition) => raw('LEDS', name, { endpoint: { address: socket(backends[edition]) } }),
    seen: () => backed(main, 'far'),
    faults: [
      undecodable('LEDS'),
      {
        cause: 'a field that breaks a rule',
        bad: name => raw('LEDS', name, { endpoint: { address: socket(70_000) } }),
        says: /^goo\.gle.*SocketAddressValidationError\.PortValue/s,
        named: false,
      },
    ],
  };
}

/** A change of another type than the rejected one, which an Envoy that is not stuck acknowledges. */
export function marker(rejected: RawType, edition: Edition, count: number): RawResource {
  if (rejected === 'RTDS') return raw('CDS', 'marker', { ...staticCluster('marker', 9), connect_timeout: `${count}s` });
  return layer(edition, { marker: count });
}

function layer(edition: Edition, more: object = {}): RawResource {
  const values = { 'first.percent': edition === 'first' ? 100 : 0, ...more };
  return raw('RTDS', runtimeLayer, { name: runtimeLayer, layer: values });
}
