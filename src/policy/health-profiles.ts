import { formatDuration, type Millis, millis, type Percent, percent } from '../base/units.ts';

/** How often an endpoint is checked, and how many checks decide. Times in milliseconds. */
export interface CheckTiming {
  readonly interval: Millis;
  readonly timeout: Millis;
  readonly unhealthyAfter: number;
  readonly healthyAfter: number;
  readonly edgeInterval: Millis;
  readonly unhealthyInterval: Millis;
  readonly idleInterval: Millis;
  readonly jitter: Percent;
}

/** The only place where these values stand; the reference shows them from here. */
export const healthProfiles = {
  /** A death shows in about two seconds. */
  fast: {
    interval: millis(1000),
    timeout: millis(500),
    unhealthyAfter: 2,
    healthyAfter: 2,
    edgeInterval: millis(250),
    unhealthyInterval: millis(1000),
    idleInterval: millis(1000),
    jitter: percent(10),
  },
  /** What HAProxy does where nothing is said: every 2s, three times, as long a timeout, no quicker pace in doubt. */
  standard: {
    interval: millis(2000),
    timeout: millis(2000),
    unhealthyAfter: 3,
    healthyAfter: 2,
    edgeInterval: millis(2000),
    unhealthyInterval: millis(2000),
    idleInterval: millis(2000),
    jitter: percent(10),
  },
  /** The pace of cloud load balancers, for applications to which a check is work. */
  gentle: {
    interval: millis(10_000),
    timeout: millis(5000),
    unhealthyAfter: 2,
    healthyAfter: 2,
    edgeInterval: millis(10_000),
    unhealthyInterval: millis(10_000),
    idleInterval: millis(10_000),
    jitter: percent(10),
  },
} as const satisfies Readonly<Record<string, CheckTiming>>;

export const timingKeys = Object.keys(healthProfiles.fast) as readonly (keyof CheckTiming)[];

/** `fast: 1s; standard: 2s; gentle: 10s`, with the reason: the default of a field as the reference says it. */
export function byProfile(key: keyof CheckTiming, reason: string): string {
  const values = Object.entries(healthProfiles).map(([name, timing]) => `${name}: ${text(key, timing[key])}`);
  return `${values.join('; ')}; custom: none. ${reason}`;
}

function text(key: keyof CheckTiming, value: number): string {
  if (key === 'jitter') return `${value}%`;
  return key === 'unhealthyAfter' || key === 'healthyAfter' ? String(value) : formatDuration(millis(value));
}
