import type { RouteMatch } from '../../proto/gen/envoy.config.route.v3.ts';
import type { PathRewrite } from './path-rewrite.ts';
import type { Conditions } from './route-match.ts';

/** One Envoy matcher's worth of requests: where the path is and what else is asked. */
export interface Form {
  readonly path: RouteMatch;
  readonly conditions: Conditions;
  /** In place of the rule's own rewrite of the path. */
  readonly rewrite?: PathRewrite | undefined;
}

/**
 * The requests of a rule's path, by what they say of the version. A form holds exactly its requests, so that the order
 * of routes decides nothing that the policy does not say.
 */
export interface VersionForms {
  /** Requests that name this version or alias. */
  named(name: string): readonly Form[];
  /** Requests that name none. */
  readonly unnamed: readonly Form[];
  /** Requests that name one which does not exist; with `others`, requests that name any. */
  unknown(others?: 'others'): readonly Form[];
}
