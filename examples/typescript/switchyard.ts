import { definePolicy } from '../../src/index.ts';

const machines = ['10.0.0.11', '10.0.0.12', '10.0.0.13'];

/** Each service runs on every machine, on a port of its own. */
const ports = { catalog: 8081, checkout: 8082, search: 8083 };

export default definePolicy({
  services: Object.fromEntries(
    Object.entries(ports).map(([name, port]) => [
      name,
      {
        endpoints: machines.map(machine => ({ address: `${machine}:${port}` })),
        healthCheck: { http: { path: '/health' } },
      },
    ]),
  ),
  gateways: { public: { listeners: [{ port: 8000, protocol: 'http' }] } },
  routes: {
    shop: {
      gateways: ['public'],
      rules: Object.keys(ports).map(service => ({ name: service, match: { path: `/${service}` }, to: [{ service }] })),
    },
  },
  fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
});
