import { type TypeName, urls } from '../../support/xds-fixtures.ts';

const three = ['c1', 'c2', 'c3'];
export const unknownFilter = "Didn't find a registered implementation for 'nope' with type URL: ''";
const badAddress =
  "malformed IP address: not-ip. Consider setting resolver_name or setting cluster type to 'STRICT_DNS' or 'LOGICAL_DNS'";

interface Row {
  readonly says: string;
  readonly type: TypeName;
  readonly message: string;
  readonly names: readonly string[];
  /** Name → reason. */
  readonly means: Readonly<Record<string, string>>;
}

/** What Envoy 1.40 said; the same over SotW and delta. */
export const envoy: readonly Row[] = [
  {
    says: 'one cluster',
    type: 'CDS',
    message: `Error adding/updating cluster(s) c2: ${badAddress}`,
    names: three,
    means: { c2: badAddress },
  },
  {
    says: 'two clusters',
    type: 'CDS',
    message: `Error adding/updating cluster(s) c1: ${unknownFilter}, c3: ${unknownFilter}`,
    names: three,
    means: { c1: unknownFilter, c3: unknownFilter },
  },
  {
    says: 'clusters with odd names',
    type: 'CDS',
    message: `Error adding/updating cluster(s) a, b: c: ${unknownFilter}, c1: reason: ${unknownFilter}, x/y@z #1: ${unknownFilter}`,
    names: ['a', 'a, b: c', 'c1', 'c1: reason', 'c2', 'x/y@z #1'].filter(name => name !== 'c1'),
    means: { 'a, b: c': unknownFilter, 'c1: reason': unknownFilter, 'x/y@z #1': unknownFilter },
  },
  {
    says: 'a cluster whose reason has words in the place of a name, one of which is a name',
    type: 'CDS',
    message:
      'Error adding/updating cluster(s) c2: Failed to load private key from <inline>, Cause: error:0b000074:X.509 certificate routines:OPENSSL_internal:KEY_VALUES_MISMATCH',
    names: ['Cause', 'c2', 'Cause2', 'error'],
    means: {
      c2: 'Failed to load private key from <inline>, Cause: error:0b000074:X.509 certificate routines:OPENSSL_internal:KEY_VALUES_MISMATCH',
    },
  },
  {
    says: 'the name of the message, which is no resource',
    type: 'CDS',
    message: 'Error adding/updating cluster(s) dup: duplicate cluster dup found',
    names: ['d1', 'd2'],
    means: {},
  },
  {
    says: 'more clusters than a message holds',
    type: 'CDS',
    message: `Error adding/updating cluster(s) many-0: ${unknownFilter}, many-1: Didn't find a registered implementation for 'nope' with type U...(truncated)`,
    names: ['many-0', 'many-1', 'many-10'],
    means: {
      'many-0': unknownFilter,
      'many-1': "Didn't find a registered implementation for 'nope' with type U...(truncated)",
    },
  },
  {
    says: 'a cluster whose field breaks a rule, by its escaped name',
    type: 'CDS',
    message:
      'goo.gle/debugonly   \nname: "c\\303\\251 \\"q\\" \\\\ \\n \\t\\\'x"\ntype: STATIC\nconnect_timeout {\n  seconds: 1\n}\nhealth_checks {\n}\n: Proto constraint validation failed (ClusterValidationError.HealthChecks[0]: embedded message failed validation | caused by HealthCheckValidationError.Timeout: value is required)',
    names: ['c1', 'cé "q" \\ \n \t\'x'],
    means: {
      'cé "q" \\ \n \t\'x':
        'Proto constraint validation failed (ClusterValidationError.HealthChecks[0]: embedded message failed validation | caused by HealthCheckValidationError.Timeout: value is required)',
    },
  },
  {
    says: 'nobody whose duration is negative',
    type: 'CDS',
    message: 'Invalid duration: Expected positive duration: goo.gle/debugproto   \nseconds: -1\n',
    names: ['c1', 'seconds'],
    means: {},
  },
  ...(['CDS', 'EDS', 'LDS', 'RDS', 'SRDS', 'SDS', 'RTDS', 'ECDS', 'VHDS', 'LEDS'] as const).map(type => ({
    says: `nobody whose bytes are none (${type})`,
    type,
    message: `Unable to unpack as ${urls[type].slice('type.googleapis.com/'.length)}: goo.gle/debugonly  \ntype_url: "${urls[type]}"\nvalue: "\\377\\377\\377\\377"\n`,
    names: ['type_url', 'value', 'c1'],
    means: {},
  })),
  {
    says: 'one of the listeners',
    type: 'LDS',
    message: "Error adding/updating listener(s) n1: cannot bind '127.0.0.1:24814': Address already in use\n",
    names: ['l1', 'n1'],
    means: { n1: "cannot bind '127.0.0.1:24814': Address already in use" },
  },
  {
    says: 'two listeners',
    type: 'LDS',
    message: `Error adding/updating listener(s) l1: missing ): (\nl3: ${unknownFilter}\n`,
    names: ['l1', 'l2', 'l3'],
    means: { l1: 'missing ): (', l3: unknownFilter },
  },
  {
    says: 'listeners with odd names',
    type: 'LDS',
    message: `Error adding/updating listener(s) a: b\nc: d: ${unknownFilter}\nl x/y@z: ${unknownFilter}\n`,
    names: ['a: b\nc: d', 'c', 'l x', 'l x/y@z'],
    means: { 'a: b\nc: d': unknownFilter, 'l x/y@z': unknownFilter },
  },
  {
    says: 'a listener whose reason shows fields that have names of listeners',
    type: 'LDS',
    message:
      'Error adding/updating listener(s) l2: goo.gle/debugproto   \nstat_prefix: "s"\nroute_config {\n  name: "inl"\n  virtual_hosts {\n  }\n}\n: Proto constraint validation failed (HttpConnectionManagerValidationError.RouteConfig: embedded message failed validation | caused by RouteConfigurationValidationError.VirtualHosts[0]: embedded message failed validation | caused by VirtualHostValidationError.Name: value length must be at least 1 characters)\n',
    names: ['l2', 'name', 'route_config', 'stat_prefix', ''],
    means: {
      l2: 'goo.gle/debugproto   \nstat_prefix: "s"\nroute_config {\n  name: "inl"\n  virtual_hosts {\n  }\n}\n: Proto constraint validation failed (HttpConnectionManagerValidationError.RouteConfig: embedded message failed validation | caused by RouteConfigurationValidationError.VirtualHosts[0]: embedded message failed validation | caused by VirtualHostValidationError.Name: value length must be at least 1 characters)',
    },
  },
  {
    says: 'a listener whose own field breaks a rule',
    type: 'LDS',
    message:
      'goo.gle/debugproto   \nname: "l2"\nsocket_options {\n  level: 1\n}\n: Proto constraint validation failed (ListenerValidationError.SocketOptions[0]: embedded message failed validation | caused by SocketOptionValidationError.State: value must be one of the defined enum values)',
    names: ['l1', 'l2'],
    means: {
      l2: 'Proto constraint validation failed (ListenerValidationError.SocketOptions[0]: embedded message failed validation | caused by SocketOptionValidationError.State: value must be one of the defined enum values)',
    },
  },
  {
    says: 'endpoints whose field breaks a rule',
    type: 'EDS',
    message:
      'goo.gle/debugonly  \ncluster_name: "e2"\nendpoints {\n  locality {\n    zone: "z"\n  }\n}\npolicy {\n  overprovisioning_factor {\n  }\n}\n: Proto constraint validation failed (ClusterLoadAssignmentValidationError.Policy: embedded message failed validation | caused by PolicyValidationError.OverprovisioningFactor: value must be greater than 0)',
    names: ['e1', 'e2', 'e3'],
    means: {
      e2: 'Proto constraint validation failed (ClusterLoadAssignmentValidationError.Policy: embedded message failed validation | caused by PolicyValidationError.OverprovisioningFactor: value must be greater than 0)',
    },
  },
  { says: 'no endpoints that are no address', type: 'EDS', message: badAddress, names: ['e1', 'not-ip'], means: {} },
  {
    says: 'endpoints of another name',
    type: 'EDS',
    message: 'Unexpected EDS cluster (expecting e2): other',
    names: ['e2', 'e', 'other'],
    means: { e2: 'Unexpected EDS cluster (expecting e2): other' },
  },
  {
    says: 'a route table with a domain twice',
    type: 'RDS',
    message: 'Only unique values for domains are permitted. Duplicate entry of domain x.y in route r2',
    names: ['r1', 'r2', '2', 'route r2'],
    means: { r2: 'Only unique values for domains are permitted. Duplicate entry of domain x.y in route r2' },
  },
  {
    says: 'a route table with the wildcard twice',
    type: 'RDS',
    message: 'Only a single wildcard domain is permitted in route r2',
    names: ['r1', 'r2'],
    means: { r2: 'Only a single wildcard domain is permitted in route r2' },
  },
  {
    says: 'no route table whose regular expression is none',
    type: 'RDS',
    message: 'missing ): (',
    names: ['missing )', '(', 'r1'],
    means: {},
  },
  {
    says: 'no route table with an unknown cluster',
    type: 'RDS',
    message: "route: unknown cluster 'ghost'",
    names: ['route', 'ghost'],
    means: {},
  },
  {
    says: 'no route table by what stands inside one',
    type: 'RDS',
    message:
      'goo.gle/debugonly  \nname: "r1"\nvalue: "x"\n: Proto constraint validation failed (HeaderMutationValidationError.Mutations: value is required)',
    names: ['r1', 'r2'],
    means: {},
  },
  {
    says: 'no domain of virtual hosts for a table',
    type: 'VHDS',
    message: 'Only unique values for domains are permitted. Duplicate entry of domain h1 in route vt',
    names: ['vt', 'vt/h1'],
    means: {},
  },
  {
    says: 'no virtual host by a name that is not the resource’s',
    type: 'VHDS',
    message:
      'goo.gle/debugstr    \nname: "h2"\nroutes {\n}\n: Proto constraint validation failed (VirtualHostValidationError.Domains: value must contain at least 1 item(s))',
    names: ['vt/h1', 'vt/h2', 'h2'],
    means: {},
  },
  {
    says: 'two scopes in conflict',
    type: 'SRDS',
    message:
      "Error adding/updating scoped route(s): scope key conflict found, first scope is 'p1', second scope is 'p2'",
    names: ['p', 'p1', 'p2', 'p3'],
    means: {
      p1: "Error adding/updating scoped route(s): scope key conflict found, first scope is 'p1', second scope is 'p2'",
      p2: "Error adding/updating scoped route(s): scope key conflict found, first scope is 'p1', second scope is 'p2'",
    },
  },
  {
    says: 'a scope without a key',
    type: 'SRDS',
    message:
      'goo.gle/debugproto   \nname: "p2"\n: Proto constraint validation failed (ScopedRouteConfigurationValidationError.Key: value is required)',
    names: ['p1', 'p2'],
    means: {
      p2: 'Proto constraint validation failed (ScopedRouteConfigurationValidationError.Key: value is required)',
    },
  },
  {
    says: 'no scope without a table',
    type: 'SRDS',
    message: 'route_configuration_name is empty.',
    names: ['route_configuration_name is empty.', 'p1'],
    means: {},
  },
  {
    says: 'a secret without keys',
    type: 'SDS',
    message:
      'goo.gle/debugstr    \nname: "s2"\nsession_ticket_keys {\n}\n: Proto constraint validation failed (SecretValidationError.SessionTicketKeys: embedded message failed validation | caused by TlsSessionTicketKeysValidationError.Keys: value must contain at least 1 item(s))',
    names: ['s1', 's2'],
    means: {
      s2: 'Proto constraint validation failed (SecretValidationError.SessionTicketKeys: embedded message failed validation | caused by TlsSessionTicketKeysValidationError.Keys: value must contain at least 1 item(s))',
    },
  },
  {
    says: 'no secret whose certificate is none',
    type: 'SDS',
    message: 'Failed to load certificate chain from <inline>',
    names: ['<inline>', 's1'],
    means: {},
  },
  {
    says: 'a secret of another name',
    type: 'SDS',
    message: 'Unexpected SDS secret (expecting s2): other',
    names: ['s1', 's2'],
    means: { s2: 'Unexpected SDS secret (expecting s2): other' },
  },
  {
    says: 'a layer of the runtime of another name',
    type: 'RTDS',
    message: 'Unexpected RTDS runtime (expecting rt2): other',
    names: ['rt2', 'other'],
    means: { rt2: 'Unexpected RTDS runtime (expecting rt2): other' },
  },
  {
    says: 'no layer whose value is none',
    type: 'RTDS',
    message: 'Invalid runtime entry value for v.rt2',
    names: ['v.rt2', 'rt2'],
    means: {},
  },
  {
    says: 'a filter without configuration',
    type: 'ECDS',
    message:
      'goo.gle/debugstr    \nname: "f2"\n: Proto constraint validation failed (TypedExtensionConfigValidationError.TypedConfig: value is required)',
    names: ['f1', 'f2'],
    means: {
      f2: 'Proto constraint validation failed (TypedExtensionConfigValidationError.TypedConfig: value is required)',
    },
  },
  {
    says: 'no filter of another name or type',
    type: 'ECDS',
    message: 'Unexpected resource name in ExtensionConfigDS response: other',
    names: ['other', 'f1'],
    means: {},
  },
];

/** What gRPC clients say, by the form that their sources give it. */
export const grpc: readonly Row[] = [
  {
    says: 'in Node: places',
    type: 'CDS',
    message:
      'xDS response validation errors: [resource index 0: unsupported lb_policy: X; Unexpected discovery type; resource index 2: no [type]]',
    names: three,
    means: { c1: 'unsupported lb_policy: X; Unexpected discovery type', c3: 'no [type]' },
  },
  {
    says: 'in C++: places and names',
    type: 'LDS',
    message:
      'xDS response validation errors: [resource index 1: c2: INVALID_ARGUMENT: Listener has neither address nor ApiListener]',
    names: three,
    means: { c2: 'INVALID_ARGUMENT: Listener has neither address nor ApiListener' },
  },
  {
    says: 'in C++: no place beyond the response',
    type: 'LDS',
    message: 'xDS response validation errors: [resource index 3: bad]',
    names: three,
    means: {},
  },
  {
    says: 'in Go: names in any order',
    type: 'EDS',
    message: 'error parsing "EndpointsResource" response: resource "b/c": priority 2 missing;\nresource "a": duplicate',
    names: ['a', 'b', 'b/c'],
    means: { 'b/c': 'priority 2 missing', a: 'duplicate' },
  },
  {
    says: 'in Go: nobody when something has no name',
    type: 'EDS',
    message: 'error parsing "EndpointsResource" response: top level errors: failed to unmarshalresource "a": bad',
    names: ['a'],
    means: {},
  },
  {
    says: 'in Java: names',
    type: 'RDS',
    message:
      "RDS response RouteConfiguration 'r1' validation error: no hosts\nRDS response RouteConfiguration 'it's' validation error: bad",
    names: ['r1', "it's"],
    means: { r1: 'no hosts', "it's": 'bad' },
  },
];
