/** What users import: a control plane of one's own (snapshots, a board of them, the xDS server), and policies as typed values. The server of the policy is started by the `switchyard` command. */
export type { AnyMessage, MessageName, MessageTypes } from '../proto/codec.ts';
export { any, decode, encode, typeUrl } from '../proto/codec.ts';
export type { Problem, ProblemCode, Severity, SourceSpan } from './base/problem.ts';
export { formatProblem, hasErrors } from './base/problem.ts';
export type { ServerTls, TlsMaterial } from './base/server-tls.ts';
export type { MissingProxy as MissingClient, WaitResult } from './fleet/wait.ts';
export { checkConsistency, type ResourceProblem, validate } from './library/consistency.ts';
export type { Hooks, StreamInfo } from './library/hooks.ts';
export type { ResourceReference } from './library/references.ts';
export { type ResourceOptions, type ResourceOrError, resource } from './library/resource.ts';
export {
  createSnapshot,
  type KeyOf,
  SnapshotBoard,
  type SnapshotChange,
  type SnapshotOptions,
} from './library/snapshot-board.ts';
export {
  type ClientStatus,
  type ListenOptions,
  type ServiceChoice,
  type WaitAckedOptions,
  XdsServer,
  type XdsServerOptions,
} from './library/xds-server.ts';
export { definePolicy } from './policy/define.ts';
export type { Policy, PolicyInput } from './policy/kinds.ts';
export type { Assignment, CertifiedNames, NodeIdentity as Node } from './snapshot/board.ts';
export type { RawError as ResourceError, RawResource as Resource, TypeVersions } from './snapshot/raw.ts';
export type { EncodedResource, Snapshot, TypeSnapshot } from './snapshot/snapshot.ts';
export type { DeltaRequest, SotwRequest } from './xds/machine.ts';
