/** One resource, encoded once; every stream sends these bytes. */
export interface EncodedResource {
  readonly name: string;
  /** Content hash: equal bytes ⇔ equal version, on every replica and after every restart (R48). */
  readonly version: string;
  /** Serialised message, the `value` of its `Any`. */
  readonly value: Uint8Array;
  /** Field 2 of DiscoveryResponse, tag and length included: the `Any`. */
  readonly sotwEntry: Uint8Array;
  /** Field 2 of DeltaDiscoveryResponse, tag and length included: the `Resource` around the `Any`. */
  readonly deltaEntry: Uint8Array;
  /** Further names by which a client may ask for it, canonical (R46). */
  readonly aliases?: readonly string[];
  /** The wildcard leaves it out (R24). */
  readonly onDemand?: true;
  /** Stands for a content that a client has and nobody else knows: neither sent nor removed. */
  readonly unsent?: true;
  /** What clients that know of times to live are sent instead. */
  readonly limited?: LimitedEntries;
}

/**
 * Entries with a time to live, and one that only says that the resource is still there (R34). SotW has none such: Envoy
 * takes no sign of life from a resource without a body there.
 */
interface LimitedEntries {
  /** Milliseconds. */
  readonly ttl: number;
  readonly sotwEntry: Uint8Array;
  readonly deltaEntry: Uint8Array;
  readonly deltaBeat: Uint8Array;
}

/** Why a name has no resource: a `google.rpc.Status` (R35). */
export interface ResourceError {
  readonly code: number;
  readonly message: string;
}

/** All resources of one type that a fleet holds. Immutable; an unchanged set stays the identical object. */
export interface TypeSnapshot {
  /** `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
  readonly typeUrl: string;
  /**
   * Content hash over names, versions and errors, unless it was given by hand; `version_info` of SotW,
   * `system_version_info` of delta (R14).
   */
  readonly version: string;
  /** The version that was given by hand. Sets that lead to this one have versions of their own, but are sent under it. */
  readonly numbered?: string;
  /** By name, in the order of the names. */
  readonly resources: ReadonlyMap<string, EncodedResource>;
  /** Names whose published contents are not here, but what a client had before, or nothing (see `withhold.ts`). */
  readonly withheld?: ReadonlySet<string>;
  /** By canonical name: what to say of names that have no resource, other than that there is none (R35). */
  readonly errors?: ReadonlyMap<string, ResourceError>;
}

/** What clients are told as the version of the set. */
export function wireVersion({ version, numbered }: TypeSnapshot): string {
  return numbered ?? version;
}

/** Everything one fleet holds at a moment. */
export interface Snapshot {
  readonly key: string;
  /** Content hash over all types. */
  readonly version: string;
  /** By type URL, in the order of sending. A type that the fleet never uses is present and empty. */
  readonly types: ReadonlyMap<string, TypeSnapshot>;
  /** Milliseconds that a request on its routes may take, retries included; infinite where one has no limit. Absent: unknown. */
  readonly longestRequest?: number;
}
