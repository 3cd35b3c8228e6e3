import { endpointsByAddress } from '../ir/address.ts';
import { lookup } from '../ir/order.ts';
import type { EndpointOverride } from '../policy/operational-state.ts';
import {
  applied,
  type Decision,
  type EndpointsChange,
  endpointMistakes,
  invalid,
  noService,
  notFound,
  overrideOf,
  type Situation,
} from './decide.ts';
import { whyRefused } from './usable.ts';

/** What an override of every endpoint of a service says of each. */
export type EndpointsOverride = Omit<EndpointOverride, 'kind' | 'since' | 'address' | 'weight'>;

/** An override for each endpoint that the service has now, all or nothing. Judged as a whole. */
export function decideEndpoints(
  wanted: EndpointsOverride,
  { force }: { readonly force: boolean },
  situation: Situation,
): Decision {
  const { policy, overrides, now } = situation;
  const service = lookup(policy.services, wanted.service);
  if (!service) return noService(policy, wanted.service);
  const addresses = [...endpointsByAddress(service).values()].map(each => each.endpoint.address);
  if (addresses.length === 0) return notFound(`Service "${wanted.service}" has no endpoints.`);
  const problems = endpointMistakes(wanted, now);
  if (problems.length > 0) return invalid(problems);
  const each = addresses.map(address => overrideOf({ ...wanted, address }, situation));
  const put = each.flatMap(({ current, override }) => (current === override ? [] : [override]));
  const change: EndpointsChange = { kind: 'change', service: wanted.service, addresses, put, end: [] };
  const why = force ? undefined : whyRefused(policy, overrides, applied(overrides, change), change);
  return why === undefined ? change : { kind: 'answer', outcome: { kind: 'refused', why } };
}

/** The end of all overrides of a service's endpoints, those of weights among them. */
export function decideEndpointsEnd(service: string, { policy, overrides }: Situation): Decision {
  const end = overrides.flatMap(each => (each.kind === 'endpoint' && each.service === service ? [each] : []));
  if (end.length > 0) return { kind: 'change', service, addresses: end.map(each => each.address), put: [], end };
  return lookup(policy.services, service)
    ? notFound(`Nothing overrides an endpoint of "${service}".`)
    : noService(policy, service);
}
