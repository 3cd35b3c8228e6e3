/**
 * What clients may ask of the server (P7, P24, R50): bounds far above what a fleet needs, so that one peer, broken or
 * hostile, cannot take memory or time from the others. Nothing is dropped in silence: what is beyond a limit ends its
 * stream with a status that names it, or is made to wait.
 */
export interface XdsLimits {
  /** Bytes of a request, uncompressed. A delta client that comes back lists all that it has (R18, R50). */
  readonly message: number;
  /**
   * Bytes of requests that have not come as a whole, of all streams: more than a fleet that comes back at once has under
   * way, and less than would hurt. The stream with most, of the connection with most, is ended.
   */
  readonly partialMessages: number;
  /** Names that a stream may subscribe to of a type, and that it may say it has. */
  readonly names: number;
  /** Bytes of a name; those of `xdstp:` with parameters are long (R43). */
  readonly nameLength: number;
  /** Types on one stream. Envoy has about ten. */
  readonly types: number;
  /** Requests of a stream in a second, on average; more are read later. */
  readonly requests: number;
  /** Requests that may come at once before the average counts. A start with thousands of names on demand has many. */
  readonly requestBurst: number;
  /** Streams on one connection; without ADS, Envoy has one for the endpoints of each cluster (R41). */
  readonly connectionStreams: number;
  /** Streams and connections from one address, behind which a whole fleet may be. */
  readonly peerStreams: number;
  readonly peerConnections: number;
  readonly streams: number;
  readonly connections: number;
  /** Clients: nodes on connections. */
  readonly clients: number;
  /** Characters of a node id. */
  readonly nodeId: number;
  /** Bytes of a node's metadata, of which some texts are kept. */
  readonly metadata: number;
}

export type LimitName = keyof XdsLimits;

const MiB = 1024 * 1024;

export const defaultLimits: XdsLimits = {
  message: 16 * MiB,
  partialMessages: 256 * MiB,
  names: 100_000,
  nameLength: 4096,
  types: 64,
  requests: 500,
  requestBurst: 5000,
  connectionStreams: 8192,
  peerStreams: 32_768,
  peerConnections: 4096,
  streams: 65_536,
  connections: 16_384,
  clients: 16_384,
  nodeId: 256,
  metadata: MiB / 4,
};

export const limitNames = Object.keys(defaultLimits) as readonly LimitName[];

/** A request that is more than a limit allows. */
export class LimitError extends Error {
  readonly limit: LimitName;

  constructor(limit: LimitName, message: string) {
    super(message);
    this.limit = limit;
  }
}

/** Why something is refused, for the operators of both sides. @param what is too much, such as `70 types on one stream`. */
export function beyond<Name extends LimitName>(limits: Pick<XdsLimits, Name>, limit: Name, what: string): LimitError {
  return new LimitError(limit, `${what}: the limit is ${limit}=${limits[limit]} (--xds-limit of the control plane)`);
}

/** The status of gRPC with which a stream ends: a node or name that is too long stays so. */
export function codeOf(limit: LimitName): 'INVALID_ARGUMENT' | 'RESOURCE_EXHAUSTED' {
  const fixed: readonly LimitName[] = ['nodeId', 'metadata', 'nameLength'];
  return fixed.includes(limit) ? 'INVALID_ARGUMENT' : 'RESOURCE_EXHAUSTED';
}

/** What is wrong with limits that somebody has set. */
export function limitMistakes(limits: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(limits).flatMap(([name, value]) => {
    if (!Object.hasOwn(defaultLimits, name)) return [`there is no limit "${name}"; there are ${limitNames.join(', ')}`];
    const isGood = typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= MOST;
    return isGood ? [] : [`the limit ${name} must be a whole number from 1 to ${MOST}, not ${String(value)}`];
  });
}

/** What a message of gRPC can be long, and more than anything that is counted. */
const MOST = 2 ** 31 - 1;
