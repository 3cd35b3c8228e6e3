import type { ProblemCode } from '../../../src/base/problem.ts';
import type { PolicyInput } from '../../../src/policy/kinds.ts';

/** A policy with one mistake, as it is found: `code path`. */
export interface Planted {
  readonly code: ProblemCode;
  readonly path: string;
  /** What makes the base policy wrong; sections are merged by name. */
  readonly change: PolicyInput;
  /** Part of the message or the hint. */
  readonly says?: string;
  /** Further problems that the same mistake leads to. */
  readonly also?: readonly string[];
}

export const inbound = { application: '127.0.0.1:8080' };
const versions = { v1: {}, v2: {} };
export const inPath = { in: { path: { after: '/api', strip: true } }, versions };

/** A policy without problems. */
export const sound = {
  services: {
    catalog: {
      endpoints: [
        { address: '10.0.0.1:80', labels: { version: 'v1' } },
        { address: '10.0.0.2:80', labels: { version: 'v2' } },
      ],
      versions: { v1: { labels: { version: 'v1' } }, v2: { labels: { version: 'v2' } } },
    },
    db: { protocol: 'tcp', endpoints: [{ address: '10.0.0.3:5432' }] },
    api: {
      endpoints: [{ address: '10.0.0.4:80' }],
      apiVersioning: { in: { header: {} }, versions, default: 'v1', aliases: { latest: 'v2' } },
    },
    paths: { endpoints: [{ address: '10.0.0.5:80' }], apiVersioning: inPath },
    checkout: { endpoints: [{ address: '10.0.0.21:15006', inbound }] },
  },
  gateways: {
    public: {
      listeners: [
        { port: 80, protocol: 'http' },
        { port: 5432, protocol: 'tcp', to: [{ service: 'db' }] },
      ],
    },
  },
  routes: { shop: { gateways: ['public'], hosts: ['shop.example.com'], rules: [{ to: [{ service: 'catalog' }] }] } },
  fleets: {
    edge: { match: { cluster: 'edge' }, gateways: ['public'] },
    checkout: { match: { cluster: 'checkout' }, sidecar: { service: 'checkout', upstreams: ['catalog'] } },
  },
} satisfies PolicyInput;
