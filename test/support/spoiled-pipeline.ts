import { decode, encode, typeUrl } from '../../proto/codec.ts';
import type { Cluster } from '../../proto/gen/envoy.config.cluster.v3.ts';
import { type Build, type Pipeline, pipeline } from '../../src/control/pipeline.ts';
import { quarantined, standingOf } from '../../src/control/quarantines.ts';
import { encodeRaw } from '../../src/snapshot/encode-raw.ts';
import type { EncodedResource, Snapshot } from '../../src/snapshot/snapshot.ts';
import { versionOf } from '../../src/snapshot/type-version.ts';

const clusters = typeUrl('envoy.config.cluster.v3.Cluster');

/**
 * The stages of the program, but what they make of some services is spoiled after the pre-flight, so that a real Envoy
 * rejects it: the only way past it.
 *
 * @param isSpoiled tells of a cluster by its name and its message, as made.
 */
export function spoilingPipeline(isSpoiled: (name: string, cluster: Cluster) => boolean): Pipeline {
  const sound = new WeakMap<Build, Build>();
  return {
    read: pipeline.read,
    build: (input, previous) => {
      const outcome = pipeline.build({ ...input, quarantines: [] }, previous && sound.get(previous));
      if (outcome.kind === 'failed') return outcome;
      const made = new Map([...outcome.build.made].map(([key, snapshot]) => [key, spoiled(snapshot, isSpoiled)]));
      const quarantines = input.quarantines.filter(each => standingOf(made, each) === 'inForce');
      const build = { ...outcome.build, made, quarantines, snapshots: quarantined(made, quarantines) };
      sound.set(build, outcome.build);
      return { kind: 'built', build };
    },
  };
}

function spoiled(snapshot: Snapshot, isSpoiled: (name: string, cluster: Cluster) => boolean): Snapshot {
  const type = snapshot.types.get(clusters);
  if (!type) return snapshot;
  const resources = new Map<string, EncodedResource>();
  for (const [name, resource] of type.resources) {
    const cluster = decode('envoy.config.cluster.v3.Cluster', resource.value);
    resources.set(name, isSpoiled(name, cluster) ? spoil(name, cluster) : resource);
  }
  const version = versionOf(clusters, resources);
  return { ...snapshot, types: new Map([...snapshot.types, [clusters, { typeUrl: clusters, version, resources }]]) };
}

/** No Envoy has such a balancer. */
function spoil(name: string, cluster: Cluster): EncodedResource {
  const policies = [
    { typed_extension_config: { name: 'spoiled', typed_config: { '@type': 'type.googleapis.com/test.Spoiled' } } },
  ];
  const message = { ...cluster, load_balancing_policy: { policies } };
  return encodeRaw(name, { typeUrl: clusters, name, value: encode('envoy.config.cluster.v3.Cluster', message) });
}
