import type { PolicyPath, Problem, SourceSpan } from '../base/problem.ts';
import type { FleetIr } from '../ir/ir.ts';
import type { OverrideEffect } from '../ir/overrides.ts';
import type { Policy } from '../policy/kinds.ts';
import type { EndpointOverride, MaintenanceOverride, Quarantine, TrafficShift } from '../policy/operational-state.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { OverrideKey, QuarantineKey, Revision, StoredDocument } from '../store/store.ts';
import type { Clue } from '../translate/origin.ts';
import type { ComputedControl } from './computed.ts';
import type { EndpointsOverride } from './decide-endpoints.ts';
import type { EditAbout, EditOutcome } from './edit.ts';
import type { Edit } from './edits.ts';
import type { FreezeControl } from './freezing.ts';
import type { Plan } from './plan.ts';
import type { RevisionControl } from './revisions.ts';
import type { Author } from './what.ts';

/** What is in force: made by one build, replaced as a whole. */
export interface Accepted {
  readonly revision: Revision;
  readonly policy: Policy;
  readonly fleets: readonly FleetIr[];
  /** By fleet key. */
  readonly snapshots: ReadonlyMap<string, Snapshot>;
  readonly overrides: readonly OverrideStatus[];
  /** Contents that proxies have rejected, and that are not sent (P12). */
  readonly quarantines: readonly Quarantine[];
  /** Warnings of the accepted policy. */
  readonly warnings: readonly Problem[];
}

/** A suspended one waits for the destinations it was made for to come back. */
export type OverrideStatus = OverrideEffect;

/** A save that was not taken; the accepted revision goes on. */
export interface Rejected {
  readonly at: number;
  readonly source: Revision['source'];
  readonly problems: readonly Problem[];
  /** Digest of its documents, where it would be taken if somebody says that it is meant so. */
  readonly acceptable?: string;
}

/** What a write has led to: the fleets it touched and what they hold once they have acknowledged it. */
export interface Effect {
  /** Fleet key → its snapshot after the write. Only fleets whose snapshot changed; all that hold the thing when none did. */
  readonly concerned: ReadonlyMap<string, Snapshot>;
  readonly changed: boolean;
  /** Nothing is published now: it comes to proxies when the freeze ends. */
  readonly waitsForThaw?: true;
}

/** What a write is to do although a guard or a lever stands in its way. */
export interface WriteOptions {
  /** Publish it although everything is frozen. */
  readonly duringFreeze?: boolean;
}

/** Nothing is changed: the outcome says what it would come to. */
export interface DryRun {
  readonly dryRun?: boolean;
}

export interface OverrideOptions extends WriteOptions, DryRun {}

/** `force`: although it leaves a service without a usable endpoint. */
export interface ForceOptions extends OverrideOptions {
  readonly force: boolean;
}

export interface SubmitOptions extends WriteOptions {
  /** Take it although services lose what traffic needs (P14). */
  readonly allowShrink?: boolean;
}

export type SubmitOutcome =
  | {
      readonly kind: 'accepted';
      readonly revision: Revision;
      readonly effect: Effect;
      readonly warnings: readonly Problem[];
      /** They are without effect, since a rollback put others in force and they have not changed since. */
      readonly held?: true;
      /** Of a dry run; the revision is then the one in force. */
      readonly plan?: Plan;
    }
  | { readonly kind: 'rejected'; readonly problems: readonly Problem[] };

/** What a save would come to. */
export type Preview =
  | {
      readonly kind: 'acceptable';
      readonly fleets: readonly FleetIr[];
      readonly snapshots: ReadonlyMap<string, Snapshot>;
      readonly effect: Effect;
      readonly warnings: readonly Problem[];
      readonly plan: Plan;
    }
  | { readonly kind: 'rejected'; readonly problems: readonly Problem[] };

export type OverrideOutcome =
  | {
      readonly kind: 'done';
      readonly status: OverrideStatus | undefined;
      /** Of a write of all endpoints of a service: which these are, and how they are overridden now. */
      readonly endpoints?: { readonly addresses: readonly string[]; readonly statuses: readonly OverrideStatus[] };
      readonly effect: Effect;
      /** Of a dry run. */
      readonly plan?: Plan;
    }
  | { readonly kind: 'notFound'; readonly what: string; readonly hint?: string }
  /** The request contradicts the policy (unknown destination, weights that sum to 0, unnamed rule). */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }
  /** It would leave a service without a usable endpoint and `force` was not given. */
  | { readonly kind: 'refused'; readonly why: string };

/** A content is found to be rejected, or is to be sent again. */
export type QuarantineChange = { readonly found: Finding } | { readonly release: QuarantineKey };

/** What proxies have rejected, on whose evidence, and what they hold instead. */
export type Finding = Omit<Quarantine, 'since' | 'lastGood'> & {
  /** Version of what they hold; undefined: nothing. */
  readonly instead: string | undefined;
};

export type QuarantineOutcome =
  | { readonly kind: 'done'; readonly effect: Effect /** Of a dry run. */; readonly plan?: Plan }
  /** It has another content by now, is in quarantine already, or is in none. */
  | { readonly kind: 'notFound'; readonly what: string }
  /** Nobody knows what the proxies hold instead, so nothing may be put in its place. */
  | { readonly kind: 'unknown'; readonly what: string };

/** What of the policy an Envoy resource was made of. */
export interface Origin {
  readonly path: PolicyPath;
  /** Absent for a policy without files. */
  readonly source?: SourceSpan;
}

/**
 * The single writer of snapshots. Writes are done one after another; a write is durable and published when its promise
 * settles. Store failures reject with `StoreError` and leave everything as it was.
 */
export interface Control {
  /** Undefined until the first policy has been accepted. */
  readonly accepted: Accepted | undefined;
  /** The newest save that was not taken, until one is. */
  readonly rejected: Rejected | undefined;
  /** Takes what the policy files declare: all of it or nothing. What the API owns stays. */
  submit(
    documents: readonly StoredDocument[],
    about: Pick<Revision, 'author' | 'source' | 'reason'>,
    options?: SubmitOptions,
  ): Promise<SubmitOutcome>;
  /** The revisions: what they held, and back to one. */
  readonly revisions: RevisionControl;
  /** Publishing nothing, and going back to what was good. */
  readonly freezing: FreezeControl;
  /** The same without any effect. */
  preview(documents: readonly StoredDocument[]): Promise<Preview>;
  /** Changes resources that the API owns, all or nothing. What the files declare stays. */
  edit(edits: readonly Edit[], about: EditAbout): Promise<EditOutcome>;
  /** Problems that keep a source from being read at all (unreadable file, syntax) count as a rejected save. */
  reject(problems: readonly Problem[], source: Revision['source']): void;
  shift(shift: Omit<TrafficShift, 'kind' | 'since'>, options?: OverrideOptions): Promise<OverrideOutcome>;
  overrideEndpoint(override: Omit<EndpointOverride, 'kind' | 'since'>, options: ForceOptions): Promise<OverrideOutcome>;
  /** The same for every endpoint that the service has now, all or nothing. */
  overrideEndpoints(override: EndpointsOverride, options: ForceOptions): Promise<OverrideOutcome>;
  /** Ends all overrides of a service's endpoints. */
  endEndpointOverrides(service: string, author?: Author, options?: OverrideOptions): Promise<OverrideOutcome>;
  /** Puts the page in place of a service, or of those behind a route. */
  maintain(
    maintenance: Omit<MaintenanceOverride, 'kind' | 'since'>,
    options?: OverrideOptions,
  ): Promise<OverrideOutcome>;
  endOverride(key: OverrideKey, author?: Author, options?: OverrideOptions): Promise<OverrideOutcome>;
  /** Weights of endpoints that come from measurements. */
  readonly computed: ComputedControl;
  /** Stops a content from being sent to a fleet whose proxies reject it, until it changes; or sends it again. */
  changeQuarantine(change: QuarantineChange, options?: DryRun): Promise<QuarantineOutcome>;
  /**
   * Where a resource of a fleet in force comes from, as near as the clue allows: a field of it, or what Envoy says when
   * it rejects it. Undefined when the fleet has no such resource. `typeUrl` with or without `type.googleapis.com/`.
   */
  origin(fleetKey: string, typeUrl: string, name: string, clue?: Clue): Origin | undefined;
  /** Whether a service in force would lose too much if a host name had these addresses (P14). */
  shrinksByName(host: string, before: readonly string[], addresses: readonly string[]): boolean;
  /** Believes that a host name has so few addresses as it has. @returns whether its answer was held. */
  acceptName(host: string): boolean;
  /** What that would come to; undefined where no answer of it is held. */
  nameAccepted(host: string): Plan | undefined;
  /** Called after every change of `accepted` or `rejected`. @returns how to end it. */
  onChange(listener: () => void): () => void;
}
