import type { RouteAction_HashPolicy } from '../../proto/gen/envoy.config.route.v3.ts';
import type { HashPart } from '../policy/load-balancing.ts';
import type { Rule } from '../policy/route.ts';
import type { Service } from '../policy/service.ts';
import { attributeList } from './cookie.ts';
import { duration } from './units.ts';

/** What Envoy hashes a request by on its way to the service; none when its balancing does not hash. */
export function hashPolicies(service: Service): readonly RouteAction_HashPolicy[] {
  const { loadBalancing } = service;
  return 'hashBy' in loadBalancing ? loadBalancing.hashBy.map(hashPolicy) : [];
}

/** What Envoy hashes a request by to choose among the destinations of a rule; none when it does not hash for that. */
export function stickyHashPolicies({ sticky }: Rule): readonly RouteAction_HashPolicy[] {
  // Only the first that yields a value counts: a caller is one identity, not a mixture.
  return sticky?.hashBy?.map(part => hashPolicy({ ...inFull(part), terminal: true })) ?? [];
}

type StickyHashPart = NonNullable<NonNullable<Rule['sticky']>['hashBy']>[number];

function inFull({ cookie, ...part }: StickyHashPart): Omit<HashPart, 'terminal'> {
  return cookie ? { ...part, cookie: { ...cookie, attributes: {} } } : part;
}

function hashPolicy(part: HashPart): RouteAction_HashPolicy {
  const terminal = part.terminal ? { terminal: true } : {};
  if (part.header !== undefined) return { header: { header_name: part.header }, ...terminal };
  if (part.query !== undefined) return { query_parameter: { name: part.query }, ...terminal };
  if (!part.cookie) return { connection_properties: { source_ip: true }, ...terminal };
  const { name, ttl, path, attributes } = part.cookie;
  const further = attributeList(attributes);
  return {
    cookie: {
      name,
      ...(ttl === undefined ? {} : { ttl: duration(ttl) }),
      ...(path === undefined ? {} : { path }),
      ...(further.length === 0 ? {} : { attributes: further }),
    },
    ...terminal,
  };
}
