import type { Snapshot } from './snapshot.ts';

/** The names in a certificate that was verified: its alternative names that are URIs and host names. */
export interface CertifiedNames {
  readonly uris: readonly string[];
  readonly hosts: readonly string[];
}

/** What is known of a proxy: what its first request says (R3), and whom its certificate names. Never its extensions. */
export interface NodeIdentity {
  readonly id: string;
  readonly cluster: string;
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  /** Flat texts of the metadata. */
  readonly metadata: Readonly<Record<string, string>>;
  /** `1.40.0`, or empty. */
  readonly version: string;
  /** What it says that it is (`user_agent_name`), such as `envoy` or `grpc-go`; absent if it does not. */
  readonly userAgent?: string;
  /** What it says that it knows (`client_features`), as far as the server makes use of it. */
  readonly features?: readonly string[];
  /** Of the certificate that its connection was made with; absent on one in plain text. */
  readonly certificate?: CertifiedNames;
}

/** Which snapshot a node is given. Nodes that are not `assigned` are sent nothing, never an empty set. */
export type Assignment =
  | { readonly kind: 'assigned'; readonly key: string }
  | { readonly kind: 'unmatched'; readonly nearest: string | undefined; readonly why: string }
  | { readonly kind: 'ambiguous'; readonly keys: readonly string[] }
  /** Its certificate may not speak for such a node of the fleet. Its streams end (P23). */
  | { readonly kind: 'refused'; readonly fleet: string; readonly why: string };

export function sameAssignment(a: Assignment, b: Assignment | undefined): boolean {
  if (a === b) return true;
  if (a.kind === 'assigned') return b?.kind === 'assigned' && a.key === b.key;
  return JSON.stringify(a) === JSON.stringify(b);
}

/** All fleets' snapshots at a moment and the rule that assigns nodes to them; replaced as a whole. */
export interface Publication {
  readonly snapshots: ReadonlyMap<string, Snapshot>;
  readonly assign: (node: NodeIdentity) => Assignment;
}

/**
 * Holds the newest publication. Streams are woken by a publication and pull what they need: newest state wins, and
 * nobody awaits a stream. Until the first publication there is nothing, and streams stay silent (P19).
 */
export class Board {
  #current: Publication | undefined;
  readonly #listeners = new Set<() => void>();

  get current(): Publication | undefined {
    return this.#current;
  }

  publish(publication: Publication): void {
    this.#current = publication;
    for (const wake of this.#listeners) wake();
  }

  /** `wake` must not throw and must return at once. @returns how to end it. */
  subscribe(wake: () => void): () => void {
    this.#listeners.add(wake);
    return () => this.#listeners.delete(wake);
  }
}
