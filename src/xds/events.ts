import type { Assignment, NodeIdentity } from '../snapshot/board.ts';
import type { LimitName } from './limits.ts';

/** The protocol comes in two: state of the world, and incremental. */
export type Variant = 'sotw' | 'delta';

/**
 * A client is known by the number of its first stream, which is unique within the process. Instants are set by whoever
 * folds.
 */
interface ClientEvent {
  readonly clientId: number;
}

/** A content that a client rejects. */
export interface Rejected {
  readonly typeUrl: string;
  readonly name: string;
  /** Of the content. */
  readonly version: string;
  readonly code: number;
  /** The client's words about it. */
  readonly message: string;
  /** Version of the content that it holds instead; undefined if it holds none, `unknown` if nobody knows. */
  readonly instead: string | undefined;
}

/** Equal for the same content only. */
export function contentKey({ typeUrl, name, version }: Pick<Rejected, 'typeUrl' | 'name' | 'version'>): string {
  return JSON.stringify([typeUrl, name, version]);
}

/**
 * What clients and their streams tell the rest of the house. Produced by the pure machines and the service; folded in
 * `fleet/`.
 */
export type XdsEvent =
  /** A stream, which is a client of its own unless it turns out to be one more of a client that is known. */
  | (ClientEvent & { readonly kind: 'opened'; readonly variant: Variant; readonly peer: string })
  | (ClientEvent & { readonly kind: 'joined'; readonly to: number })
  | (ClientEvent & { readonly kind: 'identified'; readonly node: NodeIdentity })
  | (ClientEvent & { readonly kind: 'assigned'; readonly assignment: Assignment })
  /** A stream asked for a type (first request, or a changed subscription). */
  | (ClientEvent & {
      readonly kind: 'subscribed';
      readonly typeUrl: string;
      readonly wildcard: boolean;
      readonly names: number;
    })
  | (ClientEvent & {
      readonly kind: 'sent';
      readonly typeUrl: string;
      /**
       * Content version of the published set that the client holds in full once it has acknowledged. What is no more may
       * linger beside it for a while (R37), and its removal is one more response of the same version.
       */
      readonly version: string;
      readonly nonce: string;
      readonly resources: number;
      readonly removed: number;
      readonly bytes: number;
    })
  | (ClientEvent & {
      readonly kind: 'acked';
      readonly typeUrl: string;
      readonly version: string;
      readonly nonce: string;
      /** On one of several streams of the type: it says nothing of the others. */
      readonly part?: true;
    })
  | (ClientEvent & {
      readonly kind: 'nacked';
      readonly typeUrl: string;
      readonly version: string;
      readonly nonce: string;
      readonly code: number;
      /** Envoy's words. */
      readonly message: string;
    })
  /**
   * What is kept from the client because it rejected it, by resource; it has everything else. Among `suspects` there is
   * something that it rejects, and which, is not found out yet.
   */
  | (ClientEvent & {
      readonly kind: 'withheld';
      readonly rejects: readonly Rejected[];
      readonly suspects: readonly Rejected[];
    })
  /** A client, a stream or, with the number 0, a connection has come to a limit. It has been ended, or is made to wait. */
  | (ClientEvent & { readonly kind: 'limited'; readonly limit: LimitName; readonly message: string })
  /** Nothing had to be sent: what the client said it holds is current (R17, R18). */
  | (ClientEvent & { readonly kind: 'current'; readonly typeUrl: string; readonly version: string })
  /** The last stream has ended. */
  | (ClientEvent & { readonly kind: 'closed'; readonly reason: string });
