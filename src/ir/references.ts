import { memo1 } from '../base/memo.ts';
import { type PolicyPath, type Problem, type ProblemCode, problem } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import { type Destination, destinationKey } from '../policy/destination.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Route } from '../policy/route.ts';
import { lookup, sortedEntries, sortedUnique } from './order.ts';

/** Services that a route sends to. */
export const servicesOfRoute = memo1((route: Route): readonly string[] =>
  sortedUnique(route.rules.flatMap(rule => (rule.to ?? []).map(({ service }) => service))),
);

/** The codes that mistakes in a list of destinations have, by the kind of resource that holds the list. */
export interface DestinationCodes {
  readonly service: ProblemCode;
  readonly version: ProblemCode;
  readonly duplicate: ProblemCode;
  readonly zero: ProblemCode;
}

/** Names of a record, in order. */
export function namesOf(record: Readonly<Record<string, unknown>>): readonly string[] {
  return sortedEntries(record).map(([name]) => name);
}

/** A problem that names something which is not declared, with the nearest that is. */
export function notFound(
  code: ProblemCode,
  path: PolicyPath,
  what: string,
  name: string,
  declared: Readonly<Record<string, unknown>>,
): Problem {
  const names = namesOf(declared);
  const hint = didYouMean(name, names) ?? (names.length === 0 ? `no ${what} is declared` : listed(names));
  return problem(code, path, `There is no ${what} "${name}".`, hint);
}

/** Up to five names, as a hint. */
export function listed(names: readonly string[]): string {
  return `declared: ${names.slice(0, 5).join(', ')}${names.length > 5 ? `, and ${names.length - 5} more` : ''}`;
}

/** Destinations that do not exist, stand twice, or all have weight 0. `path` is the list's. */
export function checkDestinations(
  policy: Policy,
  to: readonly Destination[],
  path: PolicyPath,
  codes: DestinationCodes,
): readonly Problem[] {
  const problems: Problem[] = [];
  const seen = new Map<string, number>();
  for (const [index, destination] of to.entries()) {
    const key = destinationKey(destination);
    const earlier = seen.get(key);
    if (earlier === undefined) seen.set(key, index);
    else {
      const message = `"${key}" is a destination twice, here and as number ${earlier + 1}.`;
      problems.push(problem(codes.duplicate, [...path, index], message, 'merge the two and add their weights'));
    }
    problems.push(...checkDestination(policy, destination, [...path, index], codes));
  }
  if (to.length > 0 && to.every(({ weight }) => weight === 0)) {
    const message = 'Every destination has weight 0, so nothing could be sent anywhere.';
    problems.push(problem(codes.zero, path, message, 'give at least one of them a weight above 0'));
  }
  return problems;
}

function checkDestination(
  policy: Policy,
  { service: name, version }: Destination,
  path: PolicyPath,
  codes: DestinationCodes,
): readonly Problem[] {
  const service = lookup(policy.services, name);
  if (!service) return [notFound(codes.service, [...path, 'service'], 'service', name, policy.services)];
  if (version === undefined || lookup(service.versions, version)) return [];
  const isApiVersion = service.apiVersioning && lookup(service.apiVersioning.versions, version);
  const found = notFound(codes.version, [...path, 'version'], 'version', version, service.versions);
  const message = `The service "${name}" has no version "${version}".`;
  const hint = `"${version}" is a version of its API: choose it by match.apiVersion`;
  return [{ ...found, message, ...(isApiVersion ? { hint } : {}) }];
}
