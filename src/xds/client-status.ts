import { Buffer } from 'node:buffer';
import { decode, encode } from '../../proto/codec.ts';
import type { ConfigStatus } from '../../proto/gen/envoy.service.status.v3.ts';
import type { NodeMatcher, StringMatcher } from '../../proto/gen/envoy.type.matcher.v3.ts';
import { memo1 } from '../base/memo.ts';
import {
  type Assignment,
  type Board,
  type CertifiedNames,
  type NodeIdentity,
  sameAssignment,
} from '../snapshot/board.ts';
import type { EncodedResource, TypeSnapshot } from '../snapshot/snapshot.ts';
import { delimited, textField } from '../snapshot/wire.ts';
import type { Rejected, Variant } from './events.ts';
import type { Unary } from './fetch.ts';
import { secretUrl } from './resource-type.ts';

/** The gRPC service that tells operators' tools what each client was sent and holds (CSDS). */
export const clientStatusDiscovery = 'envoy.service.status.v3.ClientStatusDiscoveryService';

/** Where a client stands with a type; versions are of the type's published sets. */
interface TypeView {
  readonly state: 'notAsked' | 'pending' | 'synced' | 'rejected';
  readonly sent: string | undefined;
  readonly acked: string | undefined;
  /** `at`: milliseconds since the epoch. */
  readonly rejection: { readonly version: string; readonly message: string; readonly at: number } | undefined;
}

/** What a client has come to, as its events tell. */
interface ClientView {
  readonly node: NodeIdentity;
  readonly variant: Variant;
  readonly assignment: Assignment | undefined;
  readonly types: ReadonlyMap<string, TypeView>;
  /** What it rejected, and what may be it. */
  readonly withheld: WithheldView | undefined;
}

interface WithheldView {
  readonly rejects: readonly RejectedView[];
  readonly suspects: readonly RejectedView[];
}

type RejectedView = Rejected & { readonly at: number };

/** Who is connected. Whoever folds the events gives it. */
export interface ClientViews {
  /** Longest connected first. */
  proxies(): readonly ClientView[];
}

/** Longest answer in bytes about more than one client: beyond it the caller must ask for less. */
const MAX_ANSWER = 32 * 1024 * 1024;

/**
 * Answers a `ClientStatusRequest`: for each client that a matcher fits (without matchers, for all), every resource of its
 * fleet with how far it has got. SYNCED: acknowledged; STALE: sent, or an older state acknowledged; NOT_SENT; ERROR: the
 * resource was rejected, or is among those of which one was, in the client's words (R42).
 *
 * All clients of one node id are told of as one. Secrets are named and never shown (P29). Clients that the caller's
 * certificate may not speak for are left out (P22). Throws when it is our fault.
 *
 * @param certificate whom the certificate of the caller's connection names; undefined without TLS
 */
export function answerClientStatus(
  board: Board,
  clients: ClientViews,
  bytes: Uint8Array,
  certificate: CertifiedNames | undefined,
): Unary<Buffer> {
  let request: Readonly<{ matchers: readonly NodeMatcher[]; bare: boolean }>;
  try {
    const read = decode('envoy.service.status.v3.ClientStatusRequest', bytes);
    request = { matchers: read.node_matchers ?? [], bare: read.exclude_resource_contents ?? false };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'refused', code: 'INVALID_ARGUMENT', why: `the message is no ClientStatusRequest: ${reason}` };
  }
  if (!request.matchers.every(isSupported)) {
    const why = 'node_matchers may have node_id alone, as exact, prefix, suffix or contains';
    return { kind: 'refused', code: 'INVALID_ARGUMENT', why };
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  for (const client of byNode(
    clients.proxies().filter(each => mayBeShown(board, each, certificate)),
    request.matchers,
  )) {
    const config = delimited(1, ...clientConfig(board, client, request.bare));
    length += config.length;
    if (length > MAX_ANSWER && parts.length > 0) {
      const remedy = `ask for fewer clients with node_matchers${request.bare ? '' : ', or set exclude_resource_contents'}`;
      const why = `the answer would be longer than ${MAX_ANSWER} bytes: ${remedy}`;
      return { kind: 'refused', code: 'RESOURCE_EXHAUSTED', why };
    }
    parts.push(config);
  }
  return { kind: 'answer', message: Buffer.concat(parts) };
}

/** Nobody is told more than what his own certificate would get him if he said that he is the node. */
function mayBeShown({ current }: Board, { node }: ClientView, certificate: CertifiedNames | undefined): boolean {
  if (!current || node.certificate === certificate) return true;
  const { certificate: _, ...claimed } = node;
  const asked = { ...claimed, ...(certificate && { certificate }) };
  return sameAssignment(current.assign(asked), current.assign(node));
}

/** A node may be on several connections. */
function byNode(clients: readonly ClientView[], matchers: readonly NodeMatcher[]): Iterable<ClientView> {
  const found = new Map<string, ClientView>();
  for (const client of clients) {
    const { id } = client.node;
    if (matchers.length > 0 && !matchers.some(({ node_id }) => node_id && fits(node_id, id))) continue;
    const known = found.get(id);
    found.set(id, known ? joined(known, client) : client);
  }
  return found.values();
}

/** Of a type that both have asked for, the newer tells. */
function joined(older: ClientView, newer: ClientView): ClientView {
  const all = (kind: keyof WithheldView): readonly RejectedView[] => [
    ...(older.withheld?.[kind] ?? []).filter(({ typeUrl }) => !newer.types.has(typeUrl)),
    ...(newer.withheld?.[kind] ?? []),
  ];
  const withheld = { rejects: all('rejects'), suspects: all('suspects') };
  return { ...newer, types: new Map([...older.types, ...newer.types]), withheld };
}

function clientConfig(board: Board, client: ClientView, bare: boolean): readonly Uint8Array[] {
  const { node, assignment, variant, types, withheld } = client;
  const { id, cluster, region, zone, subZone, metadata } = node;
  const locality = { region, zone, sub_zone: subZone };
  const shown = encode('envoy.config.core.v3.Node', { id, cluster, locality, metadata });
  const snapshot = assignment?.kind === 'assigned' ? board.current?.snapshots.get(assignment.key) : undefined;
  const sets = [...(snapshot?.types.values() ?? [])];
  const rejected = [...(withheld?.rejects ?? []), ...(withheld?.suspects ?? [])];
  const configs = sets.map(set => {
    const ofType = rejected.filter(each => each.typeUrl === set.typeUrl);
    return configsOf(set, types.get(set.typeUrl), ofType, variant, bare || set.typeUrl === secretUrl);
  });
  return [delimited(1, shown), ...configs];
}

function configsOf(
  set: TypeSnapshot,
  type: TypeView | undefined,
  rejected: readonly RejectedView[],
  variant: Variant,
  bare: boolean,
): Uint8Array {
  const status = statusOf(type, set.version, rejected.length > 0);
  const wholly = status === 'ERROR' && type?.rejection ? errorState(type.rejection) : undefined;
  const errors = new Map(rejected.map(each => [each.name, errorState({ ...each, version: set.version })]));
  const make = (): Uint8Array => {
    const versionOf = (resource: EncodedResource) => (variant === 'delta' ? resource.version : set.version);
    const configs = [...set.resources.values()].map(each => {
      const error = errors.get(each.name) ?? wholly;
      const end = error ? [statuses.ERROR, error] : [statuses[status]];
      return delimited(3, ...config(set.typeUrl, each, versionOf(each), bare), ...end);
    });
    return Buffer.concat(configs);
  };
  // With contents an answer has room for few clients only, and what is remembered would be as long as the set.
  if (wholly || errors.size > 0 || !bare) return make();
  const known = made(set);
  const key = `${status} ${variant}`;
  const bytes = known.get(key) ?? make();
  known.set(key, bytes);
  return bytes;
}

/** What most clients have in common is made once as long as its set is in force. */
const made = memo1((_set: TypeSnapshot) => new Map<string, Uint8Array>());

function config(typeUrl: string, resource: EncodedResource, version: string, bare: boolean): readonly Uint8Array[] {
  const { name, value } = resource;
  const content = bare ? [] : [delimited(4, textField(1, typeUrl), delimited(2, value))];
  return [textField(1, typeUrl), textField(2, name), textField(3, version), ...content];
}

/** @param partly something of the type is withheld, so that what is held has another version than what is intended. */
function statusOf(type: TypeView | undefined, intended: string, partly: boolean): keyof typeof statuses {
  if (type?.state === 'rejected') return 'ERROR';
  if (type?.sent === undefined) return 'NOT_SENT';
  return type.state === 'synced' && (partly || type.acked === intended) ? 'SYNCED' : 'STALE';
}

/** Fields 6 and 7, `config_status` and what is called so from the side of the client. */
const statuses = {
  SYNCED: Buffer.from([6 << 3, 1, 7 << 3, 3]),
  NOT_SENT: Buffer.from([6 << 3, 2]),
  STALE: Buffer.from([6 << 3, 3]),
  ERROR: Buffer.from([6 << 3, 4, 7 << 3, 4]),
} satisfies Partial<Record<ConfigStatus, Uint8Array>>;

function errorState({ version, message, at }: NonNullable<TypeView['rejection']>): Uint8Array {
  const lastAttempt = new Date(at).toISOString();
  const state = { last_update_attempt: lastAttempt, details: message, version_info: version };
  return delimited(8, encode('envoy.admin.v3.UpdateFailureState', state));
}

function isSupported({ node_id: matcher, node_metadatas: metadata = [] }: NodeMatcher): boolean {
  if (!matcher || metadata.length > 0) return false;
  return [matcher.exact, matcher.prefix, matcher.suffix, matcher.contains].some(each => each !== undefined);
}

function fits(matcher: StringMatcher, id: string): boolean {
  const { exact, prefix, suffix, contains } = matcher;
  const fold = (text: string) => (matcher.ignore_case ? text.toLowerCase() : text);
  const text = fold(id);
  if (exact !== undefined) return text === fold(exact);
  if (prefix !== undefined) return text.startsWith(fold(prefix));
  if (suffix !== undefined) return text.endsWith(fold(suffix));
  return contains !== undefined && text.includes(fold(contains));
}
