import type { TypeSnapshot } from '../snapshot/snapshot.ts';
import type { ResponseBody } from './body.ts';
import type { XdsEvent } from './events.ts';
import type { Subscription } from './subscription.ts';

/** Why a client rejected a response: `google.rpc.Status`. */
export interface RequestError {
  readonly code: number;
  readonly message: string;
}

/** What the SotW machine reads of a `DiscoveryRequest`. A repeated list may be the identical object. */
export interface SotwRequest {
  readonly typeUrl: string;
  readonly versionInfo: string;
  readonly names: readonly string[];
  readonly nonce: string;
  readonly error: RequestError | undefined;
}

/** What the delta machine reads of a `DeltaDiscoveryRequest`. */
export interface DeltaRequest {
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** `initial_resource_versions`: what a reconnecting client has. */
  readonly has: ReadonlyMap<string, string>;
  readonly nonce: string;
  readonly error: RequestError | undefined;
}

/**
 * Which response a request is about, as far as its nonce tells (R6): the place of one among those that are unanswered;
 * `newest`, the newest, which has been answered before, or nothing where there was no response yet; or `none` that could be
 * answered.
 */
export type Answers = number | 'newest' | 'none';

/** A request as a machine is told it: nonces are each stream's own, and so none of its business. */
export type Told<Request> = Omit<Request, 'nonce'> & { readonly answers: Answers };

/** A response to be written. The nonce comes to it outside. */
export interface Response {
  readonly body: ResponseBody;
}

type Without<T, Key extends string> = T extends unknown ? Omit<T, Key> : never;
/** An event without what only whoever writes the responses knows. */
export type MachineEvent = Without<XdsEvent, 'clientId' | 'nonce' | 'bytes'>;

/** What a machine is told. One for each stream and type. */
export type Input<Request> =
  | {
      readonly kind: 'request';
      readonly request: Told<Request>;
      /** Nothing is sent until it is to proceed. */
      readonly waits?: boolean;
    }
  /** The set that the stream should hold; undefined: nothing yet, or no fleet matches. Then nothing is sent (P19). */
  | {
      readonly kind: 'target';
      readonly target: TypeSnapshot | undefined;
      /** What a client brought from an earlier stream and should not have must not go yet (R37). */
      readonly keepLeftover?: boolean;
    }
  /** Whether the stream takes more bytes (R49). Closed, what is owed waits, and only the newest state is kept. */
  | { readonly kind: 'gate'; readonly open: boolean }
  /** Names to be sent again even if unchanged, as far as they are subscribed (R39). */
  | { readonly kind: 'again'; readonly names: readonly string[] }
  /**
   * The target is made with regard to the request. Where that was a rejection, it is without what that may have been about
   * (R42), so what else is owed may be sent, and of the rejected response these names once more.
   */
  | { readonly kind: 'proceed'; readonly again: readonly string[] }
  /** Time for a sign of life of what has a time to live (R34). */
  | { readonly kind: 'beat' };

export interface Step<State> {
  readonly state: State;
  readonly responses: readonly Response[];
  readonly events: readonly MachineEvent[];
  /** The response that the client has rejected, and why. Nothing is sent until it is to proceed. */
  readonly refused?: { readonly response: Unanswered; readonly error: RequestError };
}

/** A response that the client has not answered. */
export interface Unanswered {
  /** The set that it led to, */
  readonly led: TypeSnapshot;
  /** and the one that its acceptance stands for: for the client they come to the same, but for what is withheld. */
  readonly snapshot: TypeSnapshot;
  readonly body: ResponseBody;
  /** What was to be sent whether or not it had changed. */
  readonly again: Subscription;
  /** What was new to the client then. */
  readonly fresh: Subscription;
}

/** What the machines of both variants keep for a type of a stream. Refers to shared snapshots, never copies them. */
export interface TypeState {
  readonly typeUrl: string;
  /** What a response lacks is gone (R26). */
  readonly whole: boolean;
  readonly subscription: Subscription;
  readonly target: TypeSnapshot | undefined;
  /** The set that the newest response led to, or that the client was found to hold. */
  readonly sent: TypeSnapshot | undefined;
  /** What the client is known to hold, whether or not it has rejected something else (see `held.ts`). */
  readonly acked: TypeSnapshot | undefined;
  /** SotW: of the newest response that the client has accepted. */
  readonly acceptedVersion: string | undefined;
  /** The newest answer was a NACK. */
  readonly rejected: boolean;
  /** The first request told of content from an earlier stream. */
  readonly resumes: boolean;
  /** The last ones that were sent, oldest first: an answer to one answers those before it too. */
  readonly unanswered: readonly Unanswered[];
  /** The newest response was a part; what it lacks is owed again. */
  readonly inParts: boolean;
  /** Newly subscribed, or asked to be sent again: owed at the next response, changed or not. */
  readonly again: Subscription;
  /** Newly subscribed, and not accepted since: the client need not have what it has accepted of the set. */
  readonly fresh: Subscription;
  /** What of that it may have had before, since it was subscribed already. */
  readonly anew: Subscription;
  /** Sent again because the client may have put it aside, and not accepted since (R39). */
  readonly rewarmed: Subscription;
  /** Names of rejected responses. Nobody knows what the client made of them (R42), so the next push repeats them. */
  readonly doubtful: Subscription;
  /** Names that the client brought from an earlier stream, that are no more, and that it may keep for now. */
  readonly leftover: readonly string[];
  readonly keepLeftover: boolean;
  readonly open: boolean;
  /** The client is told why it does not get what it asks for by name (R35). */
  readonly knowsErrors: boolean;
}

/** True if the client holds its target, as far as it has subscribed to it. */
export function isSettled({ target, sent, unanswered, rejected, inParts }: TypeState): boolean {
  return target !== undefined && sent === target && unanswered.length === 0 && !rejected && !inParts;
}
