import { join } from 'node:path';
import type { Variant } from '../../src/xds/events.ts';
import type { FixtureFiles, Ready } from './setup.ts';

/** A server that is measured. */
export interface Peer {
  readonly name: string;
  readonly about: string;
  /** Name of the routes that its listener refers to. */
  readonly route?: string;
  /** Undefined where it cannot be had. @param tls folder of certificates; undefined: in plain text */
  command(ready: Ready, files: FixtureFiles, variant: Variant, tls?: string): readonly string[] | undefined;
}

const servers = join(import.meta.dirname, 'servers');

function nodePeer(name: string, file: string, about: string, more: readonly string[] = []): Peer {
  return {
    name,
    about,
    command: (ready, files, variant, tls) => [
      ...[process.execPath, '--expose-gc', ...profiling(ready), join(servers, file), '--fixtures', files.fixtures],
      ...['--messages', files.messages(variant), '--variant', variant, '--folder', ready.folder, ...more],
      ...(tls === undefined ? [] : ['--tls', tls]),
    ],
  };
}

function profiling({ profiles }: Ready): readonly string[] {
  return profiles === undefined ? [] : ['--cpu-prof', '--cpu-prof-interval', '4000', '--cpu-prof-dir', profiles];
}

function goPeer(name: string, mode: string, about: string, sharedBuffers = false): Peer {
  return {
    name,
    about: sharedBuffers ? `${about}, shared write buffers` : about,
    command: ({ go }, { fixtures }, _, tls) => {
      if (go === undefined) return undefined;
      const more = [...(sharedBuffers ? ['-shared-buffers'] : []), ...(tls === undefined ? [] : ['-tls', tls])];
      return [go, '-mode', mode, '-fixtures', fixtures, ...more];
    },
  };
}

export const peers = {
  ours: nodePeer('ours', 'library.ts', 'the library on grpc-js'),
  oursHttp2: nodePeer('ours-http2', 'library.ts', 'the library on node:http2', ['--transport', 'http2']),
  policy: {
    ...nodePeer('policy', 'policy.ts', 'our server of the policy on grpc-js, weights shifted through its controller'),
    route: 'gateway/edge',
  },
  grpc: nodePeer('grpc-js', 'stub-grpc.ts', 'bare grpc-js that sends prebuilt responses'),
  http2: nodePeer('node:http2', 'stub-http2.ts', 'bare node:http2 that sends prebuilt responses'),
  floor: {
    name: 'floor',
    about: 'a C loop that writes prebuilt responses',
    command: ({ floor }, files, variant) => [floor, '--messages', files.messages(variant), '--variant', variant],
  },
  g1: goPeer('G1', 'g1', 'go-control-plane, SnapshotCache, one key for all'),
  g1w: goPeer('G1+w', 'g1', 'go-control-plane, SnapshotCache, one key for all', true),
  g2: goPeer('G2', 'g2', 'go-control-plane, SnapshotCache, a key for each node and one snapshot object'),
  g2o: goPeer('G2+o', 'g2-objects', 'go-control-plane, SnapshotCache, a key and a snapshot object for each node'),
  g3: goPeer('G3', 'g3', 'go-control-plane, MuxCache of LinearCaches'),
  g3w: goPeer('G3+w', 'g3', 'go-control-plane, MuxCache of LinearCaches', true),
} satisfies Readonly<Record<string, Peer>>;
