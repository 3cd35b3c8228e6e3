/** Everything that `check` looks at, by group, in the order in which it is told. Each has a section in `docs/checks.md`. */
export const checks = {
  installation: ['installation.node', 'installation.settings', 'installation.envoy'],
  files: ['files.policy', 'files.warnings', 'files.access'],
  store: ['store.directory', 'store.access', 'store.integrity', 'store.space', 'store.backups'],
  certificates: [
    'certificates.plain',
    'certificates.files',
    'certificates.expiry',
    'certificates.chain',
    'certificates.access',
  ],
  listeners: ['listeners.port', 'listeners.conflict'],
  server: ['server.reachable', 'server.version', 'server.clock', 'server.policy', 'server.frozen', 'server.health'],
  envoys: [
    'envoys.connected',
    'envoys.identity',
    'envoys.fleet',
    'envoys.configuration',
    'envoys.version',
    'envoys.variant',
    'envoys.admin',
    'envoys.clock',
  ],
} as const;

export type Group = keyof typeof checks;
export type CheckId = (typeof checks)[Group][number];
export const groups = Object.keys(checks) as readonly Group[];

/** `skipped`: it could not be looked at, which is not a fault by itself. */
export type State = 'ok' | 'warning' | 'error' | 'skipped';

/** What one check found. */
export interface Finding {
  readonly id: CheckId;
  readonly state: State;
  /** What was found, in one sentence without a full stop. */
  readonly message: string;
  /** What to do about it; whatever is a warning or an error has one. */
  readonly remedy?: string;
}

export const ok = (id: CheckId, message: string): Finding => ({ id, state: 'ok', message });
export const skipped = (id: CheckId, message: string): Finding => ({ id, state: 'skipped', message });
export const warning = (id: CheckId, message: string, remedy: string): Finding => ({
  id,
  state: 'warning',
  message,
  remedy,
});
export const error = (id: CheckId, message: string, remedy: string): Finding => ({
  id,
  state: 'error',
  message,
  remedy,
});

/** Where the documentation of the project tells more of a check. */
export const docsOf = (id: CheckId): string => `docs/checks.md#${id.replace('.', '')}`;
