import type { Context } from '../context.ts';
import { measurePushes } from './pushes.ts';

/** Scenarios of which a change is all there is to it. */

export async function oneEndpoint(context: Context): Promise<void> {
  for (const variant of ['delta', 'sotw'] as const) {
    await measurePushes(context, {
      scenario: 'S1',
      variant,
      change: count => `endpoint ${count}`,
      type: 'eds',
      peers: context.peers('floor', 'http2', 'grpc', 'ours', 'oursHttp2', 'g1', 'g1w', 'g2', 'g2o', 'g3', 'g3w'),
      streams: context.streams(1000),
      size: context.size(),
      pushes: 5,
    });
  }
}

/** Proxies without ADS: each has a stream for the endpoints of each cluster, and a change concerns one of them. */
export async function perType(context: Context): Promise<void> {
  await measurePushes(context, {
    scenario: 'per-type',
    variant: 'delta',
    change: count => `endpoint ${count}`,
    type: 'eds',
    peers: context.peers('ours', 'oursHttp2', 'g1', 'g3'),
    streams: context.streams(200),
    size: context.size(100),
    perType: true,
    pushes: 5,
  });
}

export async function allClusters(context: Context): Promise<void> {
  const peers = context.peers('floor', 'http2', 'grpc', 'ours', 'oursHttp2', 'g1', 'g1w', 'g2', 'g3', 'g3w');
  const common = { scenario: 'S2', change: () => 'clusters', type: 'cds', peak: true, pushes: 3 } as const;
  const sized = { streams: context.streams(1000), size: context.size() };
  for (const variant of ['sotw', 'delta'] as const) {
    await measurePushes(context, { ...common, ...sized, variant, peers, want: ['cds'] });
  }
  if (context.quick) return;
  // Real proxies have endpoints, too, which ours sends again because Envoy waits for them (R39).
  await measurePushes(context, {
    ...{ ...common, ...sized, variant: 'delta', label: 'delta with endpoints' },
    peers: context.peers('ours', 'oursHttp2', 'g1', 'g3'),
  });
}

export async function canary(context: Context): Promise<void> {
  await measurePushes(context, {
    scenario: 'S5',
    variant: 'delta',
    change: () => 'route',
    type: 'rds',
    peers: context.peers('floor', 'http2', 'grpc', 'ours', 'oursHttp2', 'policy', 'g1', 'g3'),
    streams: context.streams(1000),
    size: context.size(),
    pushes: 5,
  });
}

/** Each proxy asks for 50 of 5,000 names, each name is asked for by 10 of 1,000 proxies. */
export async function ownSubscriptions(context: Context): Promise<void> {
  const size = { clusters: context.quick ? 1000 : 5000, endpoints: 10 };
  const streams = context.quick ? 200 : 1000;
  for (const names of context.quick ? [10] : [1, 10, 50]) {
    const touched = names * 10;
    await measurePushes(context, {
      scenario: 'S9',
      variant: 'delta',
      ...(names === 10 ? {} : { label: `delta, ${(touched * 100) / streams} % touched` }),
      change: count => `endpoint ${count} ${names} 1`,
      type: 'eds',
      peers: context.peers('ours', 'oursHttp2', 'g1', 'g3'),
      streams,
      size,
      sets: [50, size.clusters],
      touched,
      pushes: 5,
    });
  }
}
