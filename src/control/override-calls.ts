import type { EndpointOverride, MaintenanceOverride, Override, TrafficShift } from '../policy/operational-state.ts';
import type { OverrideKey } from '../store/store.ts';
import type { Control, ForceOptions, OverrideOptions, OverrideOutcome } from './control.ts';
import { type Decision, decideEnd, decideEndpoint, decideSessionsEnd, decideShift, type Situation } from './decide.ts';
import { decideEndpoints, decideEndpointsEnd, type EndpointsOverride } from './decide-endpoints.ts';
import { decideMaintenance } from './decide-maintenance.ts';
import type { Subject } from './effect.ts';
import type { Due } from './expiries.ts';
import { type Author, server } from './what.ts';

/** Has a decision made, stored and published by the single writer. */
export type WriteOverride = (
  subject: Subject,
  author: Author,
  decide: (situation: Situation) => Decision,
  options?: OverrideOptions,
) => Promise<OverrideOutcome>;

type Calls = Pick<
  Control,
  'shift' | 'overrideEndpoint' | 'overrideEndpoints' | 'endEndpointOverrides' | 'maintain' | 'endOverride'
>;

/** Who ends something, where nobody says. */
const somebody: Author = { by: 'admin API' };

/** What operators lay over the policy. */
export abstract class OverrideCalls implements Calls {
  protected abstract readonly write: WriteOverride;

  shift(shift: Omit<TrafficShift, 'kind' | 'since'>, options?: OverrideOptions): Promise<OverrideOutcome> {
    return this.write({ ...shift, kind: 'shift' }, shift, situation => decideShift(shift, situation), options);
  }

  overrideEndpoint(
    override: Omit<EndpointOverride, 'kind' | 'since'>,
    options: ForceOptions,
  ): Promise<OverrideOutcome> {
    const decide = (situation: Situation) => decideEndpoint(override, options, situation);
    return this.write({ ...override, kind: 'endpoint' }, override, decide, options);
  }

  overrideEndpoints(override: EndpointsOverride, options: ForceOptions): Promise<OverrideOutcome> {
    const subject = { kind: 'endpoint', service: override.service } as const;
    return this.write(subject, override, situation => decideEndpoints(override, options, situation), options);
  }

  endEndpointOverrides(service: string, author = somebody, options?: OverrideOptions): Promise<OverrideOutcome> {
    const decide = (situation: Situation) => decideEndpointsEnd(service, situation);
    return this.write({ kind: 'endpoint', service }, author, decide, options);
  }

  maintain(wanted: Omit<MaintenanceOverride, 'kind' | 'since'>, options?: OverrideOptions): Promise<OverrideOutcome> {
    const decide = (situation: Situation) => decideMaintenance(wanted, situation);
    return this.write({ ...wanted, kind: 'maintenance' }, wanted, decide, options);
  }

  endOverride(key: OverrideKey, author = somebody, options?: OverrideOptions): Promise<OverrideOutcome> {
    return this.write(key, author, situation => decideEnd(key, situation), options);
  }

  /** Does what time brings to an override. Rejects when it could not, which is reported as well. */
  protected async timeIsUp(
    override: Override,
    due: Due,
    report: (message: string, error: unknown) => void,
  ): Promise<void> {
    const decide = (situation: Situation): Decision => {
      if (!situation.overrides.includes(override)) {
        return { kind: 'answer', outcome: { kind: 'notFound', what: 'It has ended before.' } };
      }
      const drains = override.kind === 'endpoint' && due === 'sessions';
      return drains ? decideSessionsEnd(override, situation) : { kind: 'expire', override };
    };
    try {
      await this.write(override, { by: server }, decide);
    } catch (error) {
      report('an override did not expire yet', error);
      throw error;
    }
  }
}
