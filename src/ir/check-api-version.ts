import { isDeepStrictEqual } from 'node:util';
import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import type { ApiVersioning } from '../policy/api-versioning.ts';
import { checkRegex } from '../policy/check-regex.ts';
import type { Policy } from '../policy/kinds.ts';
import type { PathMatch } from '../policy/match.ts';
import type { Rule } from '../policy/route.ts';
import { listed, namesOf } from './references.ts';
import { reachedBy, versioningOf } from './rules.ts';
import { followingSegment, isVersionSegment, segmentExpressions, segmentPlace } from './version-segment.ts';

/** What is wrong with the `apiVersion` that a rule matches. */
export function checkApiVersion(policy: Policy, rule: Rule, path: PolicyPath): readonly Problem[] {
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
  const { path: place } = versioning.in;
  const why = place && rule.match.path && whyPathDoesNotFit(rule.match.path, place.after);
  if (!why) return [];
  const hint = `write the path without its version segment, as a prefix or exact path below "${place.after}"`;
  return [problem('route.api_version_path', [...path, 'match', 'path'], why, hint)];
}

/** What is wrong with the path of a rule, whether it matches an `apiVersion` or not, for services with versions in the path. */
export function checkVersionedPath(policy: Policy, rule: Rule, path: PolicyPath): readonly Problem[] {
  const versioning = versioningOf(reachedBy(policy, rule.to ?? []))?.versioning;
  if (!versioning?.in.path) return [];
  return [
    ...checkOwnSegment(rule.match.path, versioning, versioning.in.path.after, path),
    ...checkStrip(rule, versioning.in.path.strip, path),
    ...checkVersionExpressions(rule, versioning, path),
  ];
}

/** A request that names a version is compared without it, so a path that holds one matches none. */
function checkOwnSegment(
  match: PathMatch | undefined,
  versioning: ApiVersioning,
  after: string,
  path: PolicyPath,
): readonly Problem[] {
  const segment = followingSegment(match, segmentPlace(match, after));
  if (segment === undefined || !isVersionSegment(segment, versioning)) return [];
  const message = `This path names the version "${segment}" itself, but callers' paths are compared without their version.`;
  const hint = `write the path without "/${segment}", and match.apiVersion: ${segment} beside it`;
  return [problem('route.api_version_path', [...path, 'match', 'path'], message, hint)];
}

function checkStrip({ rewrite }: Rule, strip: boolean, path: PolicyPath): readonly Problem[] {
  if (!strip || !rewrite?.regex) return [];
  const message = 'The version segment is stripped from the path, so a regex cannot rewrite the path as well.';
  const hint = 'use rewrite.prefix, or strip the segment by the regex and set strip: false';
  return [problem('route.rewrite_conflict', [...path, 'rewrite', 'regex'], message, hint)];
}

function whyPathDoesNotFit(match: PathMatch, after: string): string | undefined {
  const { kind } = segmentPlace(match, after);
  if (kind === 'unclear')
    return `It cannot be told where in this path the version's segment, after "${after}", stands.`;
  if (kind !== 'outside') return undefined;
  return `The version follows "${after}", so no request that names one fits this path.`;
}

/** Bytes of an expression of ours that certainly fits: no byte of it makes more than about one instruction. */
const certainlyFits = 80;

/** Expressions that a rule's path and the versions in it make together, larger than Envoy takes. */
function checkVersionExpressions(rule: Rule, versioning: ApiVersioning, path: PolicyPath): readonly Problem[] {
  const own = rule.match.path?.regex !== undefined;
  for (const expression of segmentExpressions(rule.match.path, versioning)) {
    if (!own && Buffer.byteLength(expression) <= certainlyFits) continue;
    const mistake = checkRegex(expression);
    if (!mistake) continue;
    const message = `Together with the version's segment the path makes an expression too large for Envoy: ${mistake.message}.`;
    const hint = 'shorten the path, or the names of the API versions';
    return [problem(mistake.code, [...path, 'match', 'path'], message, hint)];
  }
  return [];
}
