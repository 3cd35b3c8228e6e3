import type { PolicyInput } from '../../src/policy/kinds.ts';
import { edgePolicy, World } from '../../test/support/world.ts';
import type { Service, System } from './system.ts';
import { versions } from './versions.ts';

/** Nothing is said of health but where to ask: all else are defaults. */
export function failoverPolicy(services: readonly Service[], port: number): PolicyInput {
  return edgePolicy(port, {
    services: Object.fromEntries(
      services.map(({ name, victim, others }) => [
        name,
        {
          endpoints: [victim.port, ...others].map(each => ({ address: `127.0.0.1:${each}` })),
          healthCheck: { http: { path: '/health' } },
        },
      ]),
    ),
    rules: services.map(({ name }) => ({ match: { path: { prefix: `/${name}` } }, to: [{ service: name }] })),
  });
}

/** Switchyard's control plane in a process of its own, and an Envoy that it configures. */
export const switchyard: System = {
  name: 'switchyard',
  about: 'a `healthCheck` with its path is declared, all else is default',
  async start(services, { port, workers }) {
    const world = new World();
    try {
      const [envoy] = await world.start(failoverPolicy(services, port), [
        { id: 'edge-1', cluster: 'edge', concurrency: workers },
      ]);
      return {
        version: versions.switchyard,
        inUse: async () => {
          const text = await envoy?.admin('/stats?filter=^cluster\\.s\\d%2B\\.membership_healthy$');
          const healthy = (text ?? '').matchAll(/^cluster\.(s\d+)\.membership_healthy: 3$/gm);
          return new Set([...healthy].map(([, name = '']) => name));
        },
        stop: () => world.close(),
      };
    } catch (error) {
      await world.close();
      throw error;
    }
  },
};
