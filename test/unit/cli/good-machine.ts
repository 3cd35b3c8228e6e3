import type { Machine, StoreFacts } from '../../../src/cli/machine.ts';

export const GiB = 1024 ** 3;

export const goodStore: StoreFacts = {
  folder: '/data',
  exists: true,
  open: [],
  database: { kind: 'whole', revision: 7 },
  space: { free: 20 * GiB, total: 40 * GiB },
};

/** A machine on which all is well. */
export const goodMachine: Machine = {
  settings: () => ({ mistakes: [], warnings: [], policy: 'good.yaml', noPolicy: false, data: '/data' }),
  installation: async () => ({
    node: { version: '24.11.0', wanted: '^24.11', good: true },
    envoy: { file: 'envoy', version: '1.40.0', named: false },
  }),
  writable: async () => [],
  store: async () => goodStore,
  certificates: async () => [],
  ports: async () => [
    { flag: '--xds', host: '127.0.0.1', port: 18000, state: 'free' },
    { flag: '--admin', host: '127.0.0.1', port: 18080, state: 'ours' },
  ],
};
