import { didYouMean } from '../base/suggest.ts';
import { lookup } from '../ir/order.ts';
import { overHttp } from '../ir/over-http.ts';
import type { Policy } from '../policy/kinds.ts';
import type { MaintenanceOverride } from '../policy/operational-state.ts';
import { type Decision, find, invalid, notFound, type Situation } from './decide.ts';

/** What putting something into maintenance comes to. What is so already until the same instant stays as it is. */
export function decideMaintenance(
  wanted: Omit<MaintenanceOverride, 'kind' | 'since'>,
  { policy, overrides, now }: Situation,
): Decision {
  const { of, name } = wanted;
  const declared = of === 'service' ? policy.services : policy.routes;
  if (!lookup<unknown>(declared, name)) {
    return notFound(`There is no ${of} "${name}".`, didYouMean(name, Object.keys(declared)));
  }
  const problems = mistakes(policy, wanted, now);
  if (problems.length > 0) return invalid(problems);
  const override: MaintenanceOverride = { ...wanted, kind: 'maintenance', since: now };
  const current = find(overrides, override);
  const same = current?.kind === 'maintenance' && current.expiresAt === override.expiresAt;
  return same ? { kind: 'keep', override: current } : { kind: 'put', override };
}

function mistakes(
  policy: Policy,
  { of, name, expiresAt }: Omit<MaintenanceOverride, 'kind' | 'since'>,
  now: number,
): readonly string[] {
  const service = of === 'service' ? lookup(policy.services, name) : undefined;
  const idle = of === 'route' && !lookup(policy.routes, name)?.rules.some(rule => rule.to);
  return [
    ...(service && !overHttp(service)
      ? [`service "${name}" speaks ${service.protocol}, where no page can be answered; drain or disable its endpoints`]
      : []),
    ...(idle ? [`route "${name}" has no rule that sends to services`] : []),
    ...(expiresAt !== undefined && !(expiresAt > now) ? ['its end lies in the past'] : []),
  ];
}
