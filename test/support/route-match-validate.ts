import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { envoyBinary } from '../../envoy/binary.ts';
import { temporaryDirectory } from './temporary.ts';

/**
 * What a real Envoy says of routes with these matches (`envoy.config.route.v3.RouteMatch` as JSON), in a static
 * configuration that binds no port: undefined when it takes all of them, else its words about the first that it refuses.
 */
export async function matchRefusal(
  matches: readonly object[],
  runtime: Readonly<Record<string, unknown>> = {},
): Promise<string | undefined> {
  return await routeRefusal(
    matches.map(match => ({ match, direct_response: { status: 200 } })),
    runtime,
  );
}

/** The same of whole routes (`envoy.config.route.v3.Route` as JSON). */
export async function routeRefusal(
  routes: readonly object[],
  runtime: Readonly<Record<string, unknown>> = {},
): Promise<string | undefined> {
  const file = join(temporaryDirectory(), 'envoy.json');
  writeFileSync(file, JSON.stringify(configuration(routes, runtime)));
  return await new Promise((resolve, reject) => {
    const args = ['--mode', 'validate', '--config-path', file, '--log-level', 'error'];
    execFile(envoyBinary(), args, { timeout: 60_000 }, (error, stdout, stderr) => {
      const text = `${stdout}${stderr}`;
      if (!error) resolve(undefined);
      else if (text.includes('error initializing configuration')) resolve(text);
      else reject(new Error(`Envoy did not get to the configuration: ${text.slice(-500)}`, { cause: error }));
    });
  });
}

function configuration(routes: readonly object[], runtime: Readonly<Record<string, unknown>>): object {
  const type = 'type.googleapis.com/envoy.extensions.filters';
  const manager = {
    '@type': `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'matches',
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: { '@type': `${type}.http.router.v3.Router` } }],
    route_config: {
      virtual_hosts: [{ name: 'all', domains: ['*'], routes }],
    },
  };
  return {
    layered_runtime: { layers: [{ name: 'static', static_layer: runtime }] },
    static_resources: {
      listeners: [
        {
          name: 'listener',
          address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
          filter_chains: [
            { filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] },
          ],
        },
      ],
    },
  };
}
