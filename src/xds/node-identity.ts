import type { Reader } from 'protobufjs';
import type { NodeIdentity } from '../snapshot/board.ts';
import { ttlFeatures } from './heartbeat.ts';
import { beyond, defaultLimits, type XdsLimits } from './limits.ts';
import { errorsFeature } from './resource-errors.ts';
import { eachField, readTree, type Tree } from './wire.ts';

/** Bounds on what is kept of a node (P23). */
const MAX_TEXT = 256;
type Limits = Pick<XdsLimits, 'nodeId' | 'metadata'>;
const MAX_METADATA = 64;

/** Ids go into logs, tables and URLs: no white space, no control or quote characters, no climbing paths. */
const safeId = /^(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9._~:@/+=,-]*$/;

export type NodeReading =
  | { readonly kind: 'node'; readonly node: NodeIdentity }
  | { readonly kind: 'refused'; readonly why: string };

/**
 * What is kept of the `Node` of a request: never its extensions, of which Envoy lists hundreds. Refuses ids that are
 * missing or of unsafe characters. Throws when the bytes are no `Node`, and a LimitError when id or metadata are too long.
 */
export function readNode(bytes: Uint8Array, limits: Limits = defaultLimits): NodeReading {
  const raw = { id: '', cluster: '', region: '', zone: '', subZone: '', version: '' };
  let metadata: Readonly<Record<string, string>> = {};
  let userAgent = '';
  const features: string[] = [];
  eachField(bytes, (field, reader) => {
    if (field === 1) raw.id = reader.string();
    else if (field === 2) raw.cluster = reader.string();
    else if (field === 3) metadata = flatTexts(readTree(measured(reader, limits)));
    else if (field === 4) Object.assign(raw, readLocality(reader.bytes()));
    else if (field === 6) userAgent = clipped(reader.string());
    else if (field === 7) raw.version = reader.string();
    else if (field === 8) raw.version = readBuild(reader.bytes()) || raw.version;
    else if (field === 10) features.push(...[reader.string()].filter(isKnown));
    else return false;
    return true;
  });
  if (raw.id.length > limits.nodeId) throw beyond(limits, 'nodeId', `node.id has ${raw.id.length} characters`);
  const why = refusal(raw.id);
  if (why !== undefined) return { kind: 'refused', why };
  const { id, ...texts } = raw;
  const bounded = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, clipped(text)]));
  return {
    kind: 'node',
    node: {
      ...texts,
      ...bounded,
      id,
      metadata,
      ...(userAgent !== '' && { userAgent }),
      ...(features.length > 0 && { features: [...new Set(features)] }),
    },
  };
}

/** Never ends in half a character. */
function clipped(text: string): string {
  return text.slice(0, MAX_TEXT).toWellFormed();
}

/** A reader that stands before metadata of a bearable size. */
function measured(reader: Reader, limits: Limits): Reader {
  const at = reader.pos;
  const length = reader.uint32();
  if (length > limits.metadata) throw beyond(limits, 'metadata', `node.metadata has ${length} bytes`);
  reader.pos = at;
  return reader;
}

const knownFeatures: ReadonlySet<string> = new Set([...ttlFeatures, errorsFeature]);

function isKnown(feature: string): boolean {
  return knownFeatures.has(feature);
}

/** Envoys open their streams again one by one after an outage, and use what they have meanwhile. */
export function isEnvoy(node: NodeIdentity | undefined): boolean {
  return node?.userAgent === 'envoy';
}

/** Equal in everything that is kept. */
export function sameNode(a: NodeIdentity | undefined, b: NodeIdentity): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

function refusal(id: string): string | undefined {
  if (id === '') return 'node.id is empty: give every proxy an id of its own in its bootstrap (node.id)';
  if (!safeId.test(id)) {
    return `node.id ${JSON.stringify(id)} has characters that are not accepted: use letters, digits and . _ ~ : @ / + = , -`;
  }
  return undefined;
}

function readLocality(bytes: Uint8Array): { region?: string; zone?: string; subZone?: string } {
  const locality: { region?: string; zone?: string; subZone?: string } = {};
  eachField(bytes, (field, reader) => {
    if (field === 1) locality.region = reader.string();
    else if (field === 2) locality.zone = reader.string();
    else if (field === 3) locality.subZone = reader.string();
    else return false;
    return true;
  });
  return locality;
}

/** `1.40.0` of a `BuildVersion`. */
function readBuild(bytes: Uint8Array): string {
  let version = '';
  eachField(bytes, (field, reader) => {
    if (field !== 1) return false;
    version = readSemantic(reader.bytes());
    return true;
  });
  return version;
}

function readSemantic(bytes: Uint8Array): string {
  const parts = [0, 0, 0];
  eachField(bytes, (field, reader: Reader) => {
    if (field < 1 || field > 3) return false;
    parts[field - 1] = reader.uint32();
    return true;
  });
  return parts.join('.');
}

/** `a.b` → text, of the first entries that are texts, numbers or truth values and not too long. */
function flatTexts(tree: Tree): Readonly<Record<string, string>> {
  const texts: [string, string][] = [];
  const walk = (node: Tree, path: string): void => {
    for (const [key, value] of node) {
      const name = path === '' ? key : `${path}.${key}`;
      if (texts.length >= MAX_METADATA || name.length > MAX_TEXT || key === '__proto__') continue;
      if (typeof value !== 'string') walk(value, name);
      else if (value.length <= MAX_TEXT) texts.push([name, value]);
    }
  };
  walk(tree, '');
  return Object.fromEntries(texts);
}
