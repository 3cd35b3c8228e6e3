import type { Draft, RuleDraft } from './draft.ts';
import type { Upstreams } from './nginx-upstream.ts';
import type { Statement } from './statement.ts';

/** What rules of locations are made with. */
export interface Making {
  readonly draft: Draft;
  readonly upstreams: Upstreams;
  readonly splits: readonly Statement[];
  readonly maps: readonly Statement[];
  /** Where the rule will stand. */
  readonly path: readonly (string | number)[];
  /** The first name of the server, where that is a host. */
  readonly serverName?: string | undefined;
}

export type Match = NonNullable<RuleDraft['match']>;

export const when = (match: Match) => (Object.keys(match).length > 0 ? { match } : {});
