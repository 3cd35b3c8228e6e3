import { type Maintenance, usualPage } from '../policy/maintenance.ts';
import type { Route, Rule } from '../policy/route.ts';
import type { Service } from '../policy/service.ts';
import type { MaintenanceIr, WeightedClusterIr } from './ir.ts';
import type { ActiveOverrides } from './overrides.ts';

/** Where a page may be declared for the requests of a rule, from near to far. */
interface Declared {
  readonly rule?: Pick<Rule, 'maintenance'>;
  readonly route?: Pick<Route, 'maintenance'>;
  readonly services: readonly Service[];
}

/** Whether callers of the service get a page. */
export function serviceIsDown({ inMaintenance }: ActiveOverrides, name: string, service: Service): boolean {
  return service.maintenance?.on === true || inMaintenance('service', name);
}

/** Whether callers of a rule get a page, whatever services it sends to. */
export function ruleIsDown({ inMaintenance }: ActiveOverrides, name: string, route: Route, rule: Rule): boolean {
  return rule.maintenance?.on === true || route.maintenance?.on === true || inMaintenance('route', name);
}

/**
 * What becomes of the requests of a rule.
 *
 * @param down which of the destinations are in maintenance, in their order
 */
export function maintenanceIr(
  { rule, route, services }: Declared,
  to: readonly WeightedClusterIr[],
  down: readonly boolean[],
): { readonly maintenance?: MaintenanceIr } {
  if (!down.includes(true)) return {};
  const declared: readonly (Maintenance | undefined)[] = [
    rule?.maintenance,
    route?.maintenance,
    ...services.filter((_, index) => down[index]).map(service => service.maintenance),
  ];
  const headers = declared.find(each => each?.except)?.except?.headers;
  const left = to.map((each, index) => (down[index] ? { ...each, weight: 0 } : each));
  const page = declared.find(each => each?.page)?.page ?? usualPage;
  return {
    maintenance: {
      ...(headers ? { except: headers } : {}),
      ...(left.some(each => each.weight > 0) ? {} : { page }),
      to: left,
    },
  };
}
