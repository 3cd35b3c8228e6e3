import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { any } from '../../proto/codec.ts';
import type { Cluster } from '../../proto/gen/envoy.config.cluster.v3.ts';
import type { Listener } from '../../proto/gen/envoy.config.listener.v3.ts';
import type { Route, VirtualHost } from '../../proto/gen/envoy.config.route.v3.ts';
import { type Resource, servedTypes } from '../../src/base/resource.ts';
import { findViolations } from '../../src/snapshot/validate.ts';
import { envoyRefusal } from '../support/envoy-validate.ts';
import { httpListener } from '../unit/snapshot/resources.ts';

/** A rule of one kind at its edge: what lies on this side of it, and what on the other. */
interface Edge<T> {
  readonly good: T;
  readonly bad: T;
}

const check = { timeout: '1s', interval: '1s', unhealthy_threshold: 1, healthy_threshold: 1 };
const http = (settings: object): Cluster => ({
  health_checks: [{ ...check, http_health_check: { path: '/', ...settings } }],
});
const endpoint = (settings: {
  readonly weight?: number;
  readonly port?: number;
  readonly priority?: number;
}): Cluster => ({
  load_assignment: {
    cluster_name: 'any',
    endpoints: [
      // Envoy wants no gap below a priority, which no field rule says.
      ...Array.from({ length: settings.priority === 128 ? 128 : 0 }, (_, priority) => ({ priority })),
      {
        priority: settings.priority ?? 0,
        lb_endpoints: [
          {
            endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: settings.port ?? 80 } } },
            load_balancing_weight: settings.weight ?? 1,
          },
        ],
      },
    ],
  },
});
const upstream = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const streams = (most: number): Cluster => ({
  typed_extension_protocol_options: {
    [upstream]: any(upstream, { explicit_http_config: { http2_protocol_options: { max_concurrent_streams: most } } }),
  },
});
const leastRequest = (choices: number): Cluster => ({
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name: 'envoy.load_balancing_policies.least_request',
          typed_config: any('envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest', {
            choice_count: choices,
          }),
        },
      },
    ],
  },
});

const clusters: Readonly<Record<string, Edge<Cluster>>> = {
  'a length of text': { good: http({ path: '/' }), bad: http({ path: '' }) },
  'the characters of a text': { good: http({ host: 'a\tb' }), bad: http({ host: 'a\x01b' }) },
  'a duration': { good: { connect_timeout: '0.001s' }, bad: { connect_timeout: '0s' } },
  'a negative duration': { good: { connect_timeout: '9s' }, bad: { connect_timeout: '-1s' } },
  'a wrapped number': {
    good: { outlier_detection: { max_ejection_percent: 100 } },
    bad: { outlier_detection: { max_ejection_percent: 101 } },
  },
  'a fraction': {
    good: { common_lb_config: { healthy_panic_threshold: { value: 100 } } },
    bad: { common_lb_config: { healthy_panic_threshold: { value: 100.001 } } },
  },
  'a known value of an enum': {
    good: { dns_lookup_family: 'ALL' },
    bad: { dns_lookup_family: 77 as unknown as 'ALL' },
  },
  'a value of an enum that is not allowed': { good: http({ method: 'TRACE' }), bad: http({ method: 'CONNECT' }) },
  'a required message': {
    good: { health_checks: [{ ...check, tcp_health_check: {} }] },
    bad: { health_checks: [{ ...check, interval: undefined, tcp_health_check: {} }] },
  },
  'a oneof': { good: { health_checks: [{ ...check, tcp_health_check: {} }] }, bad: { health_checks: [check] } },
  'the key of a map': {
    good: { metadata: { filter_metadata: { a: {} } } },
    bad: { metadata: { filter_metadata: { '': {} } } },
  },
  'an item of a list in an item of a list': { good: endpoint({ weight: 1 }), bad: endpoint({ weight: 0 }) },
  'a number deep inside': { good: endpoint({ port: 65_535 }), bad: endpoint({ port: 65_536 }) },
  'a priority': { good: endpoint({ priority: 128 }), bad: endpoint({ priority: 129 }) },
  'an extension in a map': { good: streams(1), bad: streams(0) },
};

const route = (settings: Route): VirtualHost => ({
  routes: [{ match: { prefix: '/' }, direct_response: { status: 200 }, ...settings }],
});
const header = (settings: object): VirtualHost =>
  route({ response_headers_to_add: [{ header: { key: 'x-a', ...settings } }] });
const headers = (count: number): VirtualHost =>
  route({
    response_headers_to_add: Array.from({ length: count }, (_, at) => ({ header: { key: `x-${at}`, value: 'a' } })),
  });
const session = 'envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute';
const cookie = (ttl: string) => ({
  'envoy.filters.http.stateful_session': any(session, {
    stateful_session: {
      session_state: {
        name: 'envoy.http.stateful_session.cookie',
        typed_config: any('envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState', {
          cookie: { name: 'lane', ttl },
        }),
      },
    },
  }),
});
const disabled = (value: boolean) => ({
  'envoy.filters.http.stateful_session': any(session, { disabled: value }),
});

const hosts: Readonly<Record<string, Edge<VirtualHost>>> = {
  'a list that must not be empty': { good: { domains: ['empty.test'] }, bad: { domains: [] } },
  'the characters of an item': { good: { domains: ['a b.test'] }, bad: { domains: ['a\nb.test'] } },
  'a list that may be so long': { good: headers(1000), bad: headers(1001) },
  'a pattern': {
    good: route({ match: { path_separated_prefix: '/a' } }),
    bad: route({ match: { path_separated_prefix: '/a/' } }),
  },
  'bytes of a text': {
    good: route({ match: { prefix: '/', query_parameters: [{ name: 'ä'.repeat(512), present_match: true }] } }),
    bad: route({ match: { prefix: '/', query_parameters: [{ name: `${'ä'.repeat(512)}a`, present_match: true }] } }),
  },
  'how many bytes': {
    good: header({ raw_value: Buffer.alloc(16_384, 97).toString('base64') }),
    bad: header({ raw_value: Buffer.alloc(16_385, 97).toString('base64') }),
  },
  'the name of a header': { good: header({ value: 'a' }), bad: header({ key: 'x\ny', value: 'a' }) },
  'a range of numbers': {
    good: route({ direct_response: { status: 599 } }),
    bad: route({ direct_response: { status: 600 } }),
  },
  'a oneof of a match': { good: route({}), bad: route({ match: {} }) },
  'a list without repetitions': {
    good: route({ ...redirects(['x-a', 'x-b']) }),
    bad: route({ ...redirects(['x-a', 'x-a']) }),
  },
  'an extension in an extension in a map': {
    good: route({ typed_per_filter_config: cookie('0s') }),
    bad: route({ typed_per_filter_config: cookie('-1s') }),
  },
  'a truth': {
    good: route({ typed_per_filter_config: disabled(true) }),
    bad: route({ typed_per_filter_config: disabled(false) }),
  },
};

function redirects(names: readonly string[]): Route {
  const policy = { response_headers_to_copy: names };
  return { direct_response: undefined, route: { cluster: 'target', internal_redirect_policy: policy } };
}

function clusterOf(name: string, settings: Cluster): Resource {
  const message: Cluster = { name, type: 'STATIC', connect_timeout: '1s', ...settings };
  const { load_assignment: endpoints } = settings;
  const named = endpoints ? { load_assignment: { ...endpoints, cluster_name: name } } : {};
  return { type: servedTypes.cluster, name, message: { ...message, ...named } };
}

/** A table of virtual hosts with the listener that has it, and a cluster for routes to lead to. */
function tableOf(settings: readonly VirtualHost[]): readonly Resource[] {
  const virtualHosts = settings.map((each, at) => ({ name: `host-${at}`, domains: [`${at}.test`], ...each }));
  const message = { name: 'table', virtual_hosts: virtualHosts };
  const listener = httpListener('listener', 'table');
  const address = { socket_address: { address: '127.0.0.1', port_value: 0 } };
  const router = any('envoy.extensions.filters.http.router.v3.Router', {});
  const filters = [{ name: 'envoy.filters.http.router', typed_config: router }];
  const text = JSON.stringify({ ...listener.message, address });
  const withRouter = JSON.parse(
    text.replace('"stat_prefix"', `"http_filters":${JSON.stringify(filters)},"stat_prefix"`),
  );
  return [
    clusterOf('target', {}),
    { ...listener, message: withRouter },
    { type: servedTypes.route, name: 'table', message },
  ];
}

/** The message with one more HTTP filter, before those that it has. */
function withFilter(message: object, filter: object): object {
  const text = JSON.stringify(message);
  const opening = '"http_filters":[';
  return JSON.parse(text.replace(opening, `${opening}${JSON.stringify(filter)},`));
}

/** A table whose listener has a filter with these settings before the router. */
function filterOf(most: number): readonly Resource[] {
  const limit = {
    name: 'envoy.filters.http.buffer',
    typed_config: any('envoy.extensions.filters.http.buffer.v3.Buffer', { max_request_bytes: most }),
  };
  return tableOf([{}]).map(each =>
    each.name === 'listener' ? { ...each, message: withFilter(each.message, limit) as Listener } : each,
  );
}

const violations = (resources: readonly Resource[]) => resources.flatMap(findViolations);

/** The two must agree on each side of each edge. Of negative durations Envoy speaks in words of its own. */
describe('our field rules and those of a real Envoy', () => {
  it('take what is at the edge', async () => {
    const good = [
      ...Object.values(clusters).map((each, at) => clusterOf(`cluster-${at}`, each.good)),
      ...tableOf(Object.values(hosts).map(each => each.good)),
    ];
    assert.deepEqual(violations(filterOf(1)), []);
    assert.equal(await envoyRefusal(filterOf(1)), undefined);
    assert.deepEqual(violations(good), []);
    assert.equal(await envoyRefusal(good), undefined);
  });

  const bad = [
    ...Object.entries(clusters).map(([what, each]) => [what, [clusterOf('bad', each.bad)]] as const),
    ...Object.entries(hosts).map(([what, each]) => [what, tableOf([each.bad])] as const),
    ['an extension in a list in an extension in a list', filterOf(0)] as const,
  ];
  for (const [what, resources] of bad) {
    it(`refuse what is beyond it: ${what}`, async () => {
      assert.equal(violations(resources).length, 1, JSON.stringify(violations(resources)));
      assert.match(
        (await envoyRefusal(resources)) ?? 'Envoy takes it',
        /constraint validation failed|Invalid duration/,
      );
    });
  }

  it('differ in the settings of balancing policies, which Envoy does not check', async () => {
    const unchecked = [clusterOf('cluster', leastRequest(1))];
    assert.equal(violations(unchecked).length, 1);
    assert.equal(await envoyRefusal(unchecked), undefined);
  });
});
