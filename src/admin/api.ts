/**
 * What the admin API understands and says: declarations of its operations, and the types of what they take and answer,
 * which server, CLI and other clients share. Instants are ISO 8601 texts; a version is the content version of a resource
 * type.
 */
export type { TypeName } from '../base/type-name.ts';
export * from './api/audit.ts';
export * from './api/backup.ts';
export * from './api/computed-weights.ts';
export * from './api/docs-page.ts';
export * from './api/effect.ts';
export * from './api/endpoint-health.ts';
export * from './api/events.ts';
export * from './api/freeze.ts';
export * from './api/log-level.ts';
export * from './api/overrides.ts';
export * from './api/policy.ts';
export * from './api/process.ts';
export * from './api/proxies.ts';
export * from './api/proxy-config.ts';
export * from './api/quarantines.ts';
export * from './api/rejections.ts';
export * from './api/reply.ts';
export * from './api/resources.ts';
export * from './api/revisions.ts';
export * from './api/tokens.ts';
export * from './api/trace.ts';
export * from './api/writes.ts';
