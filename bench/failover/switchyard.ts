import type { PolicyInput } from '../../src/policy/kinds.ts';
import { edgePolicy, type ServiceInput, World } from '../../test/support/world.ts';
import type { Service, System } from './system.ts';
import { versions } from './versions.ts';

/** Nothing is said of health but where to ask; all else are defaults, but for what is given as well. */
export function failoverPolicy(
  services: readonly Service[],
  port: number,
  more: Partial<ServiceInput> = {},
): PolicyInput {
  return edgePolicy(port, {
    services: Object.fromEntries(
      services.map(({ name, victim, others }) => [
        name,
        {
          endpoints: [victim.port, ...others].map(each => ({ address: `127.0.0.1:${each}` })),
          healthCheck: { http: { path: '/health' } },
          ...more,
        },
      ]),
    ),
    rules: services.map(({ name }) => ({ match: { path: { prefix: `/${name}` } }, to: [{ service: name }] })),
  });
}

/** Requests that may be repeated are, also after what their server answered, or did not. */
const retries: ServiceInput['retries'] = {
  attempts: 2,
  on: ['connectFailure', 'refusedStream', 'resetBeforeRequest', 'reset', 'gatewayError'],
  perTryTimeout: '500ms',
};

export const switchyard = system('switchyard', 'a `healthCheck` with its path is declared, all else is default');

export const switchyardTuned = system(
  'switchyard-tuned',
  'the same with `retries`: 2 `attempts`, `on` the default and `gatewayError`, `perTryTimeout` 500 ms',
  { retries },
);

/** Switchyard's control plane in a process of its own, and an Envoy that it configures. */
function system(name: string, about: string, more: Partial<ServiceInput> = {}): System {
  return {
    name,
    about,
    async start(services, { port, workers }) {
      const world = new World();
      try {
        const [envoy] = await world.start(failoverPolicy(services, port, more), [
          { id: 'edge-1', cluster: 'edge', concurrency: workers },
        ]);
        return {
          version: versions.switchyard,
          inUse: async () => {
            const text = await envoy?.admin('/stats?filter=^cluster\\.s\\d%2B\\.membership_healthy$');
            const healthy = (text ?? '').matchAll(/^cluster\.(s\d+)\.membership_healthy: 3$/gm);
            return new Set([...healthy].map(([, each = '']) => each));
          },
          stop: () => world.close(),
        };
      } catch (error) {
        await world.close();
        throw error;
      }
    },
  };
}
