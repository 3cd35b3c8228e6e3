import { Buffer } from 'node:buffer';
import { decode, encode } from '../../proto/codec.ts';
import type { NodeMatcher, StringMatcher } from '../../proto/gen/envoy.type.matcher.v3.ts';
import {
  type Assignment,
  type Board,
  type CertifiedNames,
  type NodeIdentity,
  sameAssignment,
} from '../snapshot/board.ts';
import { delimited, fieldHead } from '../snapshot/wire.ts';
import { withCertificate } from './certified-names.ts';
import { ClientStatusRows, type RejectedView, type TypeView } from './client-status-rows.ts';
import type { Variant } from './events.ts';
import { faultWords } from './fault.ts';
import type { Unary } from './fetch.ts';

/** The gRPC service that tells operators' tools what each client was sent and holds (CSDS). */
export const clientStatusDiscovery = 'envoy.service.status.v3.ClientStatusDiscoveryService';

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

/** Who is connected. Whoever folds the events gives it. */
export interface ClientViews {
  /** Longest connected first. */
  proxies(): readonly ClientView[];
}

/** What answering may cost. */
export interface ClientStatusLimits {
  /** Longest answer in bytes about more than one client: beyond it the caller must ask for less. */
  readonly answer: number;
  /** Answers that are under way at once, and their bytes. One alone may be longer. */
  readonly underWay: number;
  readonly bytes: number;
  /** Matchers of a request. */
  readonly matchers: number;
}

const MiB = 1024 * 1024;
const usualLimits: ClientStatusLimits = { answer: 32 * MiB, underWay: 8, bytes: 64 * MiB, matchers: 1000 };

/** An answer that counts as under way until whoever sends it says that it has left, or never will. */
export interface PacedAnswer {
  readonly outcome: Unary<Buffer>;
  /** Once is enough; more do no harm. */
  left(): void;
}

interface StatusRequest {
  readonly matchers: readonly NodeMatcher[];
  readonly bare: boolean;
}

/**
 * Answers each `ClientStatusRequest`: for each client that a matcher fits (without matchers, for all), every resource of
 * its fleet with how far it has got. SYNCED: acknowledged; STALE: sent, or an older state acknowledged; NOT_SENT; ERROR:
 * the resource was rejected, or is among those of which one was, in the client's words (R42).
 *
 * All clients of one node id are told of as one. Clients that the caller's certificate may not speak for are left out
 * (P22), and secrets are named, never shown (P29). Between two nodes others have their turn, so that each is told of as it
 * is then; more than the limits allow is refused (P7).
 */
export class ClientStatusAnswers {
  readonly #board: Board;
  readonly #clients: ClientViews;
  readonly #limits: ClientStatusLimits;
  readonly #rows = new ClientStatusRows();
  #underWay = 0;
  #bytes = 0;

  constructor(board: Board, clients: ClientViews, limits = usualLimits) {
    this.#board = board;
    this.#clients = clients;
    this.#limits = limits;
  }

  /** Sets of resources that were written out so far. */
  get written(): number {
    return this.#rows.written;
  }

  /** Never rejects. @param certificate whom the certificate of the caller's connection names; undefined without TLS */
  async answer(bytes: Uint8Array, certificate?: CertifiedNames): Promise<PacedAnswer> {
    if (this.#underWay >= this.#limits.underWay) return refusal(exhausted(`${this.#underWay} answers are under way`));
    const counted = this.#begin();
    try {
      const outcome = await this.#answer(bytes, certificate, counted);
      if (outcome.kind === 'refused') counted.left();
      return { outcome, left: counted.left };
    } catch (error) {
      counted.left();
      return refusal({ kind: 'refused', code: 'INTERNAL', why: faultWords(error) });
    }
  }

  #begin(): Counted {
    let length = 0;
    let gone = false;
    this.#underWay++;
    return {
      add: bytes => {
        length += bytes;
        this.#bytes += bytes;
        return { alone: this.#bytes === length, length };
      },
      left: () => {
        if (gone) return;
        gone = true;
        this.#underWay--;
        this.#bytes -= length;
      },
    };
  }

  async #answer(bytes: Uint8Array, certificate: CertifiedNames | undefined, counted: Counted): Promise<Unary<Buffer>> {
    const request = read(bytes, this.#limits.matchers);
    if ('kind' in request) return request;
    const parts: Uint8Array[] = [];
    let clients = 0;
    const shown = await this.#shown(request.matchers, certificate);
    for (const client of byNode(shown)) {
      if (clients++ > 0) await othersFirst();
      const pieces = this.#config(client, request.bare);
      const { alone, length } = counted.add(pieces.reduce((sum, each) => sum + each.length, 0));
      const less = `ask for fewer clients with node_matchers${request.bare ? '' : ', or set exclude_resource_contents'}`;
      if (length > this.#limits.answer && clients > 1) {
        return exhausted(`the answer would be longer than ${this.#limits.answer} bytes: ${less}`);
      }
      if (this.#bytes > this.#limits.bytes && !alone) {
        return exhausted(`answers of more than ${this.#limits.bytes} bytes are under way: try again, or ${less}`);
      }
      for (const each of pieces) parts.push(each);
    }
    return { kind: 'answer', message: Buffer.concat(parts) };
  }

  /** The clients that are asked for and may be shown; of thousands that takes time. */
  async #shown(
    matchers: readonly NodeMatcher[],
    certificate: CertifiedNames | undefined,
  ): Promise<readonly ClientView[]> {
    const shown: ClientView[] = [];
    let looked = 0;
    for (const client of this.#clients.proxies()) {
      if (!isAskedFor(client, matchers)) continue;
      if (++looked % AT_ONCE === 0) await othersFirst();
      if (mayBeShown(this.#board, client, certificate)) shown.push(client);
    }
    return shown;
  }

  /** `ClientStatusResponse`, field 1, in pieces. */
  #config({ node, assignment, variant, types, withheld }: ClientView, bare: boolean): readonly Uint8Array[] {
    const { id, cluster, region, zone, subZone, metadata } = node;
    const locality = { region, zone, sub_zone: subZone };
    const shown = delimited(1, encode('envoy.config.core.v3.Node', { id, cluster, locality, metadata }));
    const snapshot = assignment?.kind === 'assigned' ? this.#board.current?.snapshots.get(assignment.key) : undefined;
    const rejected = Map.groupBy(
      [...(withheld?.rejects ?? []), ...(withheld?.suspects ?? [])],
      ({ typeUrl }) => typeUrl,
    );
    const rows = [...(snapshot?.types.values() ?? [])].map(set => {
      const { typeUrl } = set;
      return this.#rows.of({ set, type: types.get(typeUrl), rejected: rejected.get(typeUrl) ?? [], variant, bare });
    });
    const length = rows.reduce((sum, each) => sum + each.length, shown.length);
    return [fieldHead(1, length), shown, ...rows.flatMap(each => each.pieces)];
  }
}

/** Clients of whom it is found out whether they may be shown, before others have their turn. */
const AT_ONCE = 16;

interface Counted {
  /** @returns the bytes of the answer so far, and whether no other is under way that has any. */
  add(bytes: number): { readonly alone: boolean; readonly length: number };
  left(): void;
}

type Refused = Extract<Unary<Buffer>, { readonly kind: 'refused' }>;

const exhausted = (why: string): Refused => ({ kind: 'refused', code: 'RESOURCE_EXHAUSTED', why });
const refusal = (outcome: Refused): PacedAnswer => ({ outcome, left: () => {} });
const othersFirst = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

function read(bytes: Uint8Array, most: number): StatusRequest | Refused {
  const invalid = (why: string): Refused => ({ kind: 'refused', code: 'INVALID_ARGUMENT', why });
  try {
    const found = decode('envoy.service.status.v3.ClientStatusRequest', bytes);
    const { node_matchers: matchers = [], exclude_resource_contents: bare = false } = found;
    if (matchers.length > most) return invalid(`there may be ${most} node_matchers at most`);
    if (matchers.every(isSupported)) return { matchers, bare };
    return invalid('node_matchers may have node_id alone, as exact, prefix, suffix or contains');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return invalid(`the message is no ClientStatusRequest: ${reason}`);
  }
}

/** Nobody is told more than what his own certificate would get him if he said that he is the node. */
function mayBeShown({ current }: Board, { node }: ClientView, certificate: CertifiedNames | undefined): boolean {
  if (!current || node.certificate === certificate) return true;
  const { certificate: _, ...claimed } = node;
  return sameAssignment(current.assign(withCertificate(claimed, certificate)), current.assign(node));
}

function isAskedFor({ node: { id } }: ClientView, matchers: readonly NodeMatcher[]): boolean {
  return matchers.length === 0 || matchers.some(({ node_id }) => node_id && fits(node_id, id));
}

/** A node may be on several connections. */
function byNode(clients: readonly ClientView[]): Iterable<ClientView> {
  const found = new Map<string, ClientView>();
  for (const client of clients) {
    const { id } = client.node;
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
