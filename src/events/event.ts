/** What may happen, as those who watch are told. */
export const eventTypes = [
  'revision',
  'refused',
  'problem',
  'override',
  'quarantine',
  'connected',
  'disconnected',
  'push',
  'ack',
  'nack',
  'reject',
  'limit',
  'freeze',
  'thaw',
  'rollback',
  'restore',
  'accept',
  'token',
] as const;
export type EventType = (typeof eventTypes)[number];

/** How often something happens: for each response to a proxy, as proxies come, go and misbehave, or for each change. */
export const paces = ['response', 'proxy', 'change'] as const;
export type Pace = (typeof paces)[number];

const responses: ReadonlySet<EventType> = new Set(['push', 'ack', 'nack']);
const ofProxies: ReadonlySet<EventType> = new Set(['connected', 'disconnected', 'reject', 'limit']);

/** What happens more often must not crowd out what happens seldom. */
export function paceOf(type: EventType): Pace {
  if (responses.has(type)) return 'response';
  return ofProxies.has(type) ? 'proxy' : 'change';
}

/** What is said of something that happened. All texts are bounded, and none is a secret (P29). */
export interface EventContent {
  readonly type: EventType;
  /** In one sentence. */
  readonly message: string;
  /** Key of the fleet that it is about. */
  readonly fleet?: string;
  /** Node id of the proxy that it is about. */
  readonly proxy?: string;
  /** Number of the revision. */
  readonly revision?: number;
  readonly author?: string;
  readonly reason?: string;
  /** `CDS` and the like. */
  readonly resourceType?: string;
  readonly resource?: string;
  /** Content version of the resources, or of the resource. */
  readonly version?: string;
  /** From the change to the acknowledgement of it; milliseconds. */
  readonly latencyMs?: number;
  /** Of a problem. */
  readonly code?: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** Something that happened. */
export interface LoggedEvent extends EventContent {
  /** Grows with each event, over restarts too. */
  readonly id: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Which events somebody asks for. */
export interface EventFilter {
  /** Absent: all. */
  readonly types?: ReadonlySet<EventType>;
  /** Fleet keys, or names that stand for their sub-fleets too. Absent: all. */
  readonly fleet?: string;
  /** Node id. Absent: all. */
  readonly proxy?: string;
  /** What the asker may see at all, beside what is about no fleet. */
  readonly visible?: (fleet: string) => boolean;
  /** What the asker may not see. */
  readonly hidden?: ReadonlySet<EventType>;
}

/** Whether a fleet's key is that of a fleet, or of one of its sub-fleets. */
function isOfFleet(key: string | undefined, fleet: string): boolean {
  return key === fleet || (key?.startsWith(`${fleet}/`) ?? false);
}

export function wants({ types, fleet, proxy, visible, hidden }: EventFilter, event: EventContent): boolean {
  return (
    (types === undefined || types.has(event.type)) &&
    !hidden?.has(event.type) &&
    (fleet === undefined || isOfFleet(event.fleet, fleet)) &&
    (proxy === undefined || event.proxy === proxy) &&
    (visible === undefined || event.fleet === undefined || visible(event.fleet))
  );
}
