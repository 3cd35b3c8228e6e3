import { readFileSync, watchFile } from 'node:fs';
import { any, checkConsistency, type Resource, resource, SnapshotBoard, validate, XdsServer } from '../../src/index.ts';

const [file = 'services.json', xdsPort = '18000'] = process.argv.slice(2);
const ads = { ads: {}, resource_api_version: 'V3' } as const;
const socket = (address: string, port: number) => ({ socket_address: { address, port_value: port } });

/** Clusters with their endpoints, and a listener that leads `/NAME` to the service of that name. */
function resources(port: number, services: Readonly<Record<string, readonly string[]>>): readonly Resource[] {
  const routes = Object.keys(services).map(cluster => ({ match: { prefix: `/${cluster}` }, route: { cluster } }));
  const http = any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'public',
    rds: { route_config_name: 'public', config_source: ads },
    http_filters: [{ name: 'router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) }],
  });
  const filter_chains = [{ filters: [{ name: 'http', typed_config: http }] }];
  const virtual_hosts = [{ name: 'all', domains: ['*'], routes }];
  return [
    resource('envoy.config.listener.v3.Listener', {
      name: 'public',
      address: socket('127.0.0.1', port),
      filter_chains,
    }),
    resource('envoy.config.route.v3.RouteConfiguration', { name: 'public', virtual_hosts }),
    ...Object.entries(services).flatMap(([name, addresses]) => {
      const hosts = addresses.map(each => new URL(`http://${each}`));
      const lb_endpoints = hosts.map(each => ({ endpoint: { address: socket(each.hostname, Number(each.port)) } }));
      const eds = { type: 'EDS', eds_cluster_config: { eds_config: ads }, connect_timeout: '1s' } as const;
      return [
        resource('envoy.config.cluster.v3.Cluster', { name, ...eds }),
        resource('envoy.config.endpoint.v3.ClusterLoadAssignment', {
          cluster_name: name,
          endpoints: [{ lb_endpoints }],
        }),
      ];
    }),
  ];
}

const board = new SnapshotBoard(node => node.cluster || undefined);
const server = new XdsServer(board, { hooks: { onNack: ({ message }) => console.error('rejected:', message) } });

async function load(): Promise<void> {
  try {
    const { port, services } = JSON.parse(readFileSync(file, 'utf8'));
    const wanted = resources(port, services);
    const problems = [...checkConsistency(wanted), ...validate(wanted)];
    if (problems.length > 0) throw new Error(problems.map(({ name, message }) => `${name} ${message}`).join('; '));
    board.set('edge', wanted);
    const { acked, concerned } = await server.waitAcked(['edge'], { timeout: 5_000 });
    console.log(`in force; ${acked} of ${concerned} Envoys have it`);
  } catch (error) {
    console.error(`not taken, the last good goes on: ${error instanceof Error ? error.message : error}`);
  }
}

watchFile(file, { interval: 200 }, load);
await load();
console.log(`xDS on port ${await server.listen({ port: Number(xdsPort) })}`);
process.once('SIGTERM', () => server.close().then(() => process.exit()));
