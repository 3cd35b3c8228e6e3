/** What somebody may do, from least to most: look, change what proxies hold, and all. */
export const roles = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

/** Kinds of things that a token may be confined to. */
export const scopeKinds = ['services', 'routes', 'gateways', 'fleets'] as const;
export type ScopeKind = (typeof scopeKinds)[number];

/** What a token is confined to. Absent: nothing. */
export interface Scope {
  /** Names of fleets, with their sub-fleets. */
  readonly fleets?: readonly string[];
  /** Kinds of things that it may write. */
  readonly kinds?: readonly ScopeKind[];
}

/** Who calls the admin API, as the token says. */
export interface Caller extends Scope {
  /** Id of the token; that of the first admin is empty. */
  readonly id: string;
  /** Name of the token. */
  readonly name: string;
  readonly role: Role;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
}

/** Whether a role comprises another. */
export function atLeast(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}

/** Whether a caller may see and change a fleet, by its key. */
export function mayFleet({ fleets }: Scope, key: string): boolean {
  return fleets === undefined || fleets.some(name => key === name || key.startsWith(`${name}/`));
}
