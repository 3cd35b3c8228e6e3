import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Route } from '../policy/route.ts';
import { reachedBy } from './rules.ts';

interface Cookie {
  readonly service: string;
  readonly path: string;
}

/** Services under the same hosts whose sessions have the same cookie, so that an answer of one ends those of the other. */
export function checkSessions(policy: Policy, route: Route, path: PolicyPath): readonly Problem[] {
  const seen = new Map<string, Cookie[]>();
  const problems: Problem[] = [];
  for (const [index, rule] of route.rules.entries()) {
    for (const [place, destination] of (rule.to ?? []).entries()) {
      const cookie = reachedBy(policy, [destination])[0]?.service.sessions?.cookie;
      if (!cookie) continue;
      // Each version has a cookie of its own, named after it.
      const key = JSON.stringify([cookie.name, destination.version]);
      const others = seen.get(key) ?? [];
      const own = { service: destination.service, path: cookie.path };
      const clash = others.find(other => other.service !== own.service && pathsOverlap(other.path, own.path));
      if (!others.some(other => other.service === own.service)) seen.set(key, [...others, own]);
      if (!clash) continue;
      const message = `The sessions of "${own.service}" and "${clash.service}" have the same cookie "${cookie.name}": each ends those of the other.`;
      const at = [...path, 'rules', index, 'to', place, 'service'];
      problems.push(problem('route.session_clash', at, message, 'give each service a cookie of its own'));
    }
  }
  return problems;
}

/** Whether some request bears cookies of both paths. */
export function pathsOverlap(one: string, other: string): boolean {
  return isWithin(one, other) || isWithin(other, one);
}

function isWithin(path: string, above: string): boolean {
  return path === above || path.startsWith(above.endsWith('/') ? above : `${above}/`);
}
