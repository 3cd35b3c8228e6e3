import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Rule } from '../policy/route.ts';
import { checkApiVersion, checkVersionedPath } from './check-api-version.ts';
import { checkRetries } from './check-retries.ts';
import { checkSticky } from './check-sticky.ts';
import { checkDestinations, type DestinationCodes } from './references.ts';
import { reachedBy } from './rules.ts';

const codes: DestinationCodes = {
  service: 'route.service_not_found',
  version: 'route.version_not_found',
  duplicate: 'route.duplicate_destination',
  zero: 'route.weights_sum_to_zero',
};

/** What is wrong with one rule of a route. */
export function checkRule(policy: Policy, rule: Rule, path: PolicyPath): readonly Problem[] {
  return [
    ...(rule.to ? checkDestinations(policy, rule.to, [...path, 'to'], codes) : []),
    ...checkProtocols(policy, rule, path),
    ...checkApiVersion(policy, rule, path),
    ...checkVersionedPath(policy, rule, path),
    ...checkRewrite(rule, path),
    ...checkRedirect(rule, path),
    ...checkSticky(policy, rule, path),
    ...(rule.retries ? checkRetries(rule.retries, [...path, 'retries']) : []),
  ];
}

function checkProtocols(policy: Policy, rule: Rule, path: PolicyPath): readonly Problem[] {
  return (rule.to ?? []).flatMap((destination, index) => {
    const service = reachedBy(policy, [destination])[0]?.service;
    if (service?.protocol !== 'tcp' && service?.protocol !== 'udp') return [];
    const { protocol } = service;
    const message = `The service "${destination.service}" speaks ${protocol}, which rules about HTTP requests cannot send to.`;
    const hint = `use a ${protocol} listener of a gateway, or correct the protocol of the service`;
    return [problem('route.protocol_mismatch', [...path, 'to', index, 'service'], message, hint)];
  });
}

function checkRewrite(rule: Rule, path: PolicyPath): readonly Problem[] {
  const { rewrite } = rule;
  if (!rewrite) return [];
  const conflict = (field: string, message: string, hint: string) =>
    problem('route.rewrite_conflict', [...path, 'rewrite', field], message, hint);
  const field = rewrite.prefix !== undefined ? 'prefix' : rewrite.regex ? 'regex' : 'host';
  if (!rule.to) {
    const hint = rule.redirect ? 'say it in redirect' : 'remove the rewrite';
    return [conflict(field, 'Only a rule that sends to services can rewrite what they see.', hint)];
  }
  if (rewrite.prefix !== undefined && !fixesPath(rule)) {
    const hint = 'match the path by prefix or exact';
    return [conflict('prefix', 'A path regex or template has no prefix to replace.', hint)];
  }
  return [];
}

function checkRedirect(rule: Rule, path: PolicyPath): readonly Problem[] {
  const { redirect } = rule;
  if (redirect?.prefix === undefined) return [];
  if (fixesPath(rule)) return [];
  const at = [...path, 'redirect', 'prefix'];
  const hint = 'match the path by prefix or exact';
  return [problem('route.rewrite_conflict', at, 'A path regex or template has no prefix to replace.', hint)];
}

/** True if the match says which part of the path a prefix would replace. Without a path it is `/`. */
function fixesPath({ match: { path } }: Rule): boolean {
  return path === undefined || path.prefix !== undefined || path.exact !== undefined;
}
