import type { Assignment, CertifiedNames, Publication } from '../snapshot/board.ts';
import type { TypeSnapshot } from '../snapshot/snapshot.ts';
import { versionOf } from '../snapshot/type-version.ts';
import { completeBody, type ResponseBody } from './body.ts';
import { withCertificate } from './certified-names.ts';
import type { XdsLimits } from './limits.ts';
import type { SotwRequest } from './machine.ts';
import { type NodeReading, readNode } from './node-identity.ts';
import type { Received } from './request.ts';
import { resourceType } from './resource-type.ts';
import { EVERYTHING, NONE, type Subscription, subscriptionOfList } from './subscription.ts';

/** A single question for what a node holds of a type, without a stream (R52, R53). */
export type PollAnswer =
  | { readonly kind: 'set'; readonly body: ResponseBody }
  | {
      readonly kind: 'refused';
      readonly code: 'INVALID_ARGUMENT' | 'NOT_FOUND' | 'PERMISSION_DENIED' | 'UNAVAILABLE';
      /** For the operator of the client. */
      readonly why: string;
    };

/**
 * What a DiscoveryRequest outside of any stream is answered with: the subscribed part of the node's set. Names that do
 * not exist are passed over in silence, as on a first SotW request (R20, R29). Nothing is answered before the first
 * publication (P19).
 *
 * @param certificate whom the certificate of the connection names; undefined without TLS
 */
export function answerPoll(
  publication: Publication | undefined,
  impliedType: string,
  request: Received<SotwRequest>,
  certificate: CertifiedNames | undefined,
  limits?: XdsLimits,
): PollAnswer {
  const { typeUrl, names } = request;
  if (typeUrl !== '' && typeUrl !== impliedType) {
    return refused('INVALID_ARGUMENT', `this method serves ${impliedType}, not ${typeUrl}`);
  }
  if (!request.node) return refused('INVALID_ARGUMENT', 'the request must have a node');
  const reading: NodeReading = readNode(request.node, limits);
  if (reading.kind === 'refused') return refused('INVALID_ARGUMENT', reading.why);
  if (!publication) return refused('UNAVAILABLE', 'no policy has been accepted yet');
  const assignment = publication.assign(withCertificate(reading.node, certificate));
  if (assignment.kind === 'refused') return refused('PERMISSION_DENIED', assignment.why);
  if (assignment.kind !== 'assigned') return refused('NOT_FOUND', noFleet(assignment));
  const snapshot = publication.snapshots.get(assignment.key);
  if (!snapshot) return refused('UNAVAILABLE', `nothing is published for "${assignment.key}" yet`);
  const set = snapshot.types.get(impliedType);
  return { kind: 'set', body: (set && part(set, subscribedBy(impliedType, names))) ?? nothingOf(impliedType, set) };
}

/** The whole of what is subscribed, as on a first request; undefined if that is nothing. */
function part(set: TypeSnapshot, subscription: Subscription): ResponseBody | undefined {
  return completeBody({ from: undefined, to: set, subscription, again: subscription, knowsErrors: false });
}

function nothingOf(typeUrl: string, set: TypeSnapshot | undefined): ResponseBody {
  return { typeUrl, version: set?.version ?? versionOf(typeUrl, new Map()), resources: [], removed: [] };
}

function subscribedBy(typeUrl: string, names: readonly string[]): Subscription {
  if (names.length > 0) return subscriptionOfList(names);
  return resourceType(typeUrl).emptyIsWildcard ? EVERYTHING : NONE;
}

function refused(code: Extract<PollAnswer, { kind: 'refused' }>['code'], why: string): PollAnswer {
  return { kind: 'refused', code, why };
}

function noFleet(assignment: Exclude<Assignment, { readonly kind: 'assigned' | 'refused' }>): string {
  if (assignment.kind === 'unmatched') return `the node belongs to no fleet: ${assignment.why}`;
  return `the node fits several fleets: ${assignment.keys.join(', ')}`;
}
