/** What users import: policies as typed values, and snapshots of what policies have no words for. The server itself is started by the `switchyard` command. */
export type { Problem, ProblemCode, Severity, SourceSpan } from './base/problem.ts';
export { formatProblem, hasErrors } from './base/problem.ts';
export { definePolicy } from './policy/define.ts';
export type { Policy, PolicyInput } from './policy/kinds.ts';
export { type RawError, type RawResource, rawSnapshot } from './snapshot/raw.ts';
export type { Snapshot } from './snapshot/snapshot.ts';
