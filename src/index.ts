/** What users import: policies as typed values. The server itself is started by the `switchyard` command. */
export type { Problem, ProblemCode, Severity, SourceSpan } from './base/problem.ts';
export { formatProblem, hasErrors } from './base/problem.ts';
export { definePolicy } from './policy/define.ts';
export type { Policy, PolicyInput } from './policy/kinds.ts';
