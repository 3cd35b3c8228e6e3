import type { Assignment, NodeIdentity } from '../snapshot/board.ts';

/** `streamId` is unique within the process; instants are set by whoever folds. */
interface StreamEvent {
  readonly streamId: number;
}

/** What streams tell the rest of the house. Produced by the pure machines and the service; folded in `fleet/`. */
export type XdsEvent =
  | (StreamEvent & { readonly kind: 'opened'; readonly variant: 'sotw' | 'delta'; readonly peer: string })
  | (StreamEvent & { readonly kind: 'identified'; readonly node: NodeIdentity })
  | (StreamEvent & { readonly kind: 'assigned'; readonly assignment: Assignment })
  /** The stream asked for a type (first request, or a changed subscription). */
  | (StreamEvent & {
      readonly kind: 'subscribed';
      readonly typeUrl: string;
      readonly wildcard: boolean;
      readonly names: number;
    })
  | (StreamEvent & {
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
  | (StreamEvent & {
      readonly kind: 'acked';
      readonly typeUrl: string;
      readonly version: string;
      readonly nonce: string;
    })
  | (StreamEvent & {
      readonly kind: 'nacked';
      readonly typeUrl: string;
      readonly version: string;
      readonly nonce: string;
      readonly code: number;
      /** Envoy's words. */
      readonly message: string;
    })
  /** Nothing had to be sent: what the client said it holds is current (R17, R18). */
  | (StreamEvent & { readonly kind: 'current'; readonly typeUrl: string; readonly version: string })
  | (StreamEvent & { readonly kind: 'closed'; readonly reason: string });
