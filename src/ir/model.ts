import type { Policy } from '../policy/kinds.ts';
import type { ClusterOf } from './clusters.ts';
import type { ActiveOverrides } from './overrides.ts';

/** What every part of a compile reads. */
export interface Model {
  readonly policy: Policy;
  readonly overrides: ActiveOverrides;
  readonly clusterOf: ClusterOf;
}
