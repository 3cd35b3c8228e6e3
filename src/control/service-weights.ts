import { canonicalAddress, declaredEndpoints } from '../ir/address.ts';
import { lookup } from '../ir/order.ts';
import { type EffectiveWeight, effectiveWeight } from '../ir/weights.ts';
import type { ComputedWeights } from '../policy/computed-weights.ts';
import type { EndpointOverride } from '../policy/operational-state.ts';
import type { Accepted } from './control.ts';

/** Which weight holds for an endpoint, what it comes from, and what else there is. */
export interface EndpointWeight extends EffectiveWeight {
  /** As declared. */
  readonly address: string;
  readonly declared: number;
  readonly computed?: number;
  readonly override?: number;
}

export interface ServiceWeights {
  readonly computed: ComputedWeights | undefined;
  readonly endpoints: readonly EndpointWeight[];
}

const nothing = new Map<string, number>();

/** The weights of a service in force, one for each declared endpoint; undefined when there is no such service. */
export function serviceWeights(
  accepted: Accepted | undefined,
  all: ReadonlyMap<string, ComputedWeights>,
  name: string,
): ServiceWeights | undefined {
  const service = accepted && lookup(accepted.policy.services, name);
  if (!service) return undefined;
  const computed = all.get(name);
  const overrides = overridesOf(accepted, name);
  const endpoints = declaredEndpoints(service).map(each => {
    const given = computed?.weights.get(each.key);
    const set = overrides.get(each.key)?.weight;
    return {
      ...effectiveWeight(service, each, overrides, computed?.weights ?? nothing),
      address: each.endpoint.address,
      declared: each.endpoint.weight,
      ...(given === undefined ? {} : { computed: given }),
      ...(set === undefined ? {} : { override: set }),
    };
  });
  return { computed, endpoints };
}

function overridesOf({ overrides }: Accepted, service: string): ReadonlyMap<string, EndpointOverride> {
  return new Map(
    overrides.flatMap(({ override, effect }) =>
      override.kind === 'endpoint' && override.service === service && effect === 'active'
        ? [[canonicalAddress(override.address), override] as const]
        : [],
    ),
  );
}
