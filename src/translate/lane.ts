import type { HeaderValueOption } from '../../proto/gen/envoy.config.core.v3.ts';
import type { RuleIr } from '../ir/ir.ts';
import type { MaintenancePage } from '../policy/maintenance.ts';
import { type Attempts, attempts, overruling } from './attempts.ts';
import { type Conditions, conditions, joined } from './route-match.ts';
import { type Share, shares } from './sticky.ts';

/** Requests of a rule that are treated alike, in a route of their own. */
export interface Lane extends Share {
  readonly conditions: Conditions;
  readonly attempts: Attempts['settings'];
  /** Request headers of ours that Envoy itself obeys. */
  readonly orders: readonly HeaderValueOption[];
  /** Answered in place of the destinations. */
  readonly page?: MaintenancePage;
}

/**
 * A rule's requests in lanes, of which the first that fits counts. Mostly there is one for all.
 *
 * @param usual the virtual host has idempotent requests tried again, see `usualAttempts`
 */
export function lanes(rule: RuleIr, usual: boolean): readonly Lane[] {
  const { maintenance, action } = rule;
  if (!maintenance || action.kind !== 'forward') return servedLanes(rule, usual);
  const { page, to } = maintenance;
  const left = { ...rule, action: { ...action, to } };
  return [
    ...exceptedLanes(rule, usual),
    ...(page ? [{ conditions: {}, to: [], attempts: {}, orders: [], page }] : servedLanes(left, usual)),
  ];
}

/** Those who get through to what is in maintenance. */
function exceptedLanes(rule: RuleIr, usual: boolean): readonly Lane[] {
  const headers = rule.maintenance?.except;
  if (!headers) return [];
  const [bears = {}] = conditions({ headers, query: {}, cookies: {} });
  return servedLanes(rule, usual).map(lane => ({ ...lane, conditions: joined(bears, lane.conditions) }));
}

function servedLanes(rule: RuleIr, usual: boolean): readonly Lane[] {
  const all = attempts(rule);
  return shares(rule).flatMap(share =>
    all.map(each => ({
      ...share,
      conditions: joined(share.conditions, each.conditions),
      attempts: each.settings,
      orders: usual && rule.action.kind === 'forward' ? overruling(each) : [],
    })),
  );
}
