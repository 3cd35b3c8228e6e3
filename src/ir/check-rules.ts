import { isDeepStrictEqual } from 'node:util';
import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import type { ApiVersioning } from '../policy/api-versioning.ts';
import type { Policy } from '../policy/kinds.ts';
import type { PathMatch } from '../policy/match.ts';
import type { Rule } from '../policy/route.ts';
import { checkDestinations, type DestinationCodes, listed, namesOf } from './references.ts';
import { reachedBy } from './rules.ts';
import { segmentPlace } from './version-segment.ts';

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
    ...checkRewrite(rule, path),
    ...checkRedirect(rule, path),
  ];
}

function checkProtocols(policy: Policy, rule: Rule, path: PolicyPath): readonly Problem[] {
  return (rule.to ?? []).flatMap((destination, index) => {
    const service = reachedBy(policy, [destination])[0]?.service;
    if (service?.protocol !== 'tcp') return [];
    const message = `The service "${destination.service}" speaks tcp, which rules about HTTP requests cannot send to.`;
    const hint = 'use a tcp listener of a gateway, or correct the protocol of the service';
    return [problem('route.protocol_mismatch', [...path, 'to', index, 'service'], message, hint)];
  });
}

function checkApiVersion(policy: Policy, rule: Rule, path: PolicyPath): readonly Problem[] {
  const { apiVersion } = rule.match;
  if (apiVersion === undefined) return [];
  const at = [...path, 'match', 'apiVersion'];
  const missing = (message: string, hint: string) => [problem('route.api_versioning_missing', at, message, hint)];
  if (!rule.to) {
    const hint = 'match the header, query or path itself';
    return missing(
      'A rule that sends to no service cannot match an apiVersion: the service says where it stands.',
      hint,
    );
  }
  const reached = reachedBy(policy, rule.to);
  const without = reached.find(({ service }) => !service.apiVersioning);
  if (without) {
    const name = without.destination.service;
    const hint = `declare services.${name}.apiVersioning`;
    return missing(`The service "${name}" has no apiVersioning, so it is unknown where the version stands.`, hint);
  }
  const versioning = reached[0]?.service.apiVersioning;
  if (!versioning) return [];
  const other = reached.find(({ service }) => !isDeepStrictEqual(service.apiVersioning, versioning));
  if (other) {
    const names = `"${reached[0]?.destination.service}" and "${other.destination.service}"`;
    return missing(`The services ${names} have different apiVersioning.`, 'make them equal, or write a rule for each');
  }
  const known = [...namesOf(versioning.versions), ...namesOf(versioning.aliases)];
  if (!known.includes(apiVersion)) {
    const message = `"${apiVersion}" is no version of the API of service "${reached[0]?.destination.service}".`;
    return [problem('route.api_version_not_found', at, message, didYouMean(apiVersion, known) ?? listed(known))];
  }
  return checkVersionedPath(rule, versioning, path);
}

function checkVersionedPath(rule: Rule, { in: place }: ApiVersioning, path: PolicyPath): readonly Problem[] {
  if (!place.path) return [];
  const { path: match } = rule.match;
  const { after, strip } = place.path;
  const problems: Problem[] = [];
  const why = match && whyPathDoesNotFit(match, after);
  if (why) {
    const hint = `write the path without its version segment, as a prefix or exact path below "${after}"`;
    problems.push(problem('route.api_version_path', [...path, 'match', 'path'], why, hint));
  }
  if (strip && rule.rewrite?.regex) {
    const message = 'The version segment is stripped from the path, so a regex cannot rewrite the path as well.';
    const hint = 'use rewrite.prefix, or strip the segment by the regex and set strip: false';
    problems.push(problem('route.rewrite_conflict', [...path, 'rewrite', 'regex'], message, hint));
  }
  return problems;
}

function whyPathDoesNotFit(match: PathMatch, after: string): string | undefined {
  const { kind } = segmentPlace(match, after);
  if (kind === 'unclear')
    return `It cannot be told where in this path the version's segment, after "${after}", stands.`;
  if (kind !== 'outside') return undefined;
  return `The version follows "${after}", so no request that names one fits this path.`;
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
