import { createHash } from 'node:crypto';
import type { NodeIdentity, Publication } from '../../src/snapshot/board.ts';
import type { EncodedResource, Snapshot, TypeSnapshot } from '../../src/snapshot/snapshot.ts';
import { delimited, textField } from '../../src/snapshot/wire.ts';
import { clusterUrl, endpointUrl, listenerUrl, routeUrl } from '../../src/xds/resource-type.ts';

/** Short names of the types that the protocol tests use. Fleets hold none of `OTHER`. */
export const urls = {
  CDS: clusterUrl,
  EDS: endpointUrl,
  LDS: listenerUrl,
  RDS: routeUrl,
  OTHER: 'type.googleapis.com/test.Other',
} as const;

export type TypeName = keyof typeof urls;

/** Name → content, a short text. */
export type Contents = Readonly<Record<string, string>>;
/** What a fleet holds; types that are left out are empty. */
export type Sets = Readonly<Partial<Record<TypeName, Contents>>>;

export const testNode: NodeIdentity = {
  id: 'test-node',
  cluster: '',
  region: '',
  zone: '',
  subZone: '',
  metadata: {},
  version: '',
};

/** Bytes as a proto would have them whose field 1 is its name and whose field 15 is a text. */
function encoded(typeUrl: string, name: string, content: string): EncodedResource {
  const value = Buffer.concat([textField(1, name), textField(15, content)]);
  const any = [textField(1, typeUrl), delimited(2, value)];
  const version = `${content}`;
  return {
    name,
    version,
    value,
    sotwEntry: delimited(2, ...any),
    deltaEntry: delimited(2, textField(3, name), textField(1, version), delimited(2, ...any)),
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Equal sets have equal versions, and are the identical object where `previous` had them. */
export function typeSnapshot(type: TypeName, contents: Contents, previous?: TypeSnapshot): TypeSnapshot {
  const typeUrl = urls[type];
  const names = Object.keys(contents).sort();
  const version = digest(JSON.stringify([typeUrl, names.map(name => [name, contents[name]])]));
  if (previous?.version === version) return previous;
  return { typeUrl, version, resources: new Map(names.map(name => [name, encoded(typeUrl, name, contents[name]!)])) };
}

export function snapshot(key: string, sets: Sets, previous?: Snapshot): Snapshot {
  const types = new Map(
    (Object.keys(urls) as TypeName[])
      .filter(type => type !== 'OTHER' || sets.OTHER)
      .map(type => [urls[type], typeSnapshot(type, sets[type] ?? {}, previous?.types.get(urls[type]))]),
  );
  return { key, version: digest([...types.values()].map(type => type.version).join()), types };
}

/** Everyone gets the one snapshot. */
export function publication(only: Snapshot): Publication {
  return { snapshots: new Map([[only.key, only]]), assign: () => ({ kind: 'assigned', key: only.key }) };
}
