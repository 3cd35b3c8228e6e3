import { memo2 } from '../base/memo.ts';
import type { EndpointOverride } from '../policy/operational-state.ts';
import type { Service } from '../policy/service.ts';
import { type DeclaredEndpoint, declaredEndpoints } from './address.ts';

/** The weight of an endpoint on the scale of the declared ones, and what it comes from. */
export interface EffectiveWeight {
  readonly weight: number;
  readonly from: 'declared' | 'computed' | 'override';
}

/** Canonical address → weight. */
type Weights = ReadonlyMap<string, number>;

/** With 10,000 endpoints of this weight, their sum is still well within the 32 bits that Envoy has for it. */
const mostForEnvoy = 100_000;

/**
 * Which weight holds for an endpoint: that of an override, else the computed one, else the declared one. Computed
 * weights are brought to the scale of the declared ones: their sum becomes what is declared for the same endpoints. So
 * an endpoint that was not measured has the share that its declaration gives it, and an override means what it says.
 */
export function effectiveWeight(
  service: Service,
  { endpoint, key }: DeclaredEndpoint,
  overrides: ReadonlyMap<string, EndpointOverride>,
  computed: Weights,
): EffectiveWeight {
  const set = overrides.get(key)?.weight;
  if (set !== undefined) return { weight: set, from: 'override' };
  const given = computed.get(key);
  if (given !== undefined) return { weight: given * scaleOf(service, computed), from: 'computed' };
  return { weight: endpoint.weight, from: 'declared' };
}

/** What Envoys are told: whole numbers. Where something is computed, the heaviest endpoint has {@link mostForEnvoy}. */
export function envoyWeights(
  service: Service,
  overrides: ReadonlyMap<string, EndpointOverride>,
  computed: Weights,
): (each: DeclaredEndpoint) => number {
  const weightOf = (each: DeclaredEndpoint) => effectiveWeight(service, each, overrides, computed).weight;
  if (!declaredEndpoints(service).some(({ key }) => computed.has(key))) return weightOf;
  const factor = mostForEnvoy / Math.max(...declaredEndpoints(service).map(weightOf));
  return each => Math.max(1, rounded(weightOf(each) * factor));
}

/** Halves go up, also those that the last digits of a fraction make a little less: equal proportions, equal bytes. */
function rounded(weight: number): number {
  return Math.round(Number(weight.toPrecision(12)));
}

const scaleOf = memo2((service: Service, computed: Weights): number => {
  const measured = declaredEndpoints(service).filter(({ key }) => computed.has(key));
  return sum(measured.map(each => each.endpoint.weight)) / sum(measured.map(({ key }) => computed.get(key) ?? 0));
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
