import type { Route } from '../../proto/gen/envoy.config.route.v3.ts';
import type { RuleIr } from '../ir/ir.ts';
import { lookup } from '../ir/order.ts';
import { namesOf, versionOf } from '../ir/version-segment.ts';
import type { ApiVersion, ApiVersioning } from '../policy/api-versioning.ts';
import { deprecationHeaders, newestFirst, retiredAnswer, unknownAnswer, unknownStatus } from './api-version-answers.ts';
import type { Form, VersionForms } from './api-version-forms.ts';
import { versionForms } from './api-version-place.ts';
import type { Lane } from './lane.ts';
import { ruleRoute } from './route-action.ts';
import { type Conditions, conditions, routeMatch } from './route-match.ts';

/** A rule whose services have API versions, and its requests by version. */
export interface VersionedRule {
  readonly rule: RuleIr;
  readonly serviceName: string;
  readonly versioning: ApiVersioning;
  readonly forms: VersionForms;
  readonly lanes: readonly Lane[];
}

export function versionedRule(rule: RuleIr, lanes: readonly Lane[]): VersionedRule | undefined {
  if (!rule.apiVersioning) return undefined;
  const { serviceName, versioning } = rule.apiVersioning;
  const names = versionsOf(versioning).flatMap(version => namesOf(version, versioning));
  return { rule, serviceName, versioning, forms: versionForms(rule.rule, versioning, names), lanes };
}

/**
 * The routes of one rule. With `apiVersion`: callers that name it, and those that name none if it is the default.
 * Without: first callers that name a version that is served, then those that name a retired one, those that name none,
 * and those that name one that does not exist.
 */
export function versionedRoutes(versioned: VersionedRule): readonly Route[] {
  const { rule, versioning, forms } = versioned;
  const asked = rule.rule.match.apiVersion;
  const fallback = versioning.default === undefined ? undefined : versionOf(versioning.default, versioning);
  if (asked !== undefined) {
    const version = versionOf(asked, versioning);
    if (version === undefined) return [];
    return [
      ...namedRoutes(versioned, version),
      ...(version === fallback ? serve(versioned, version, forms.unnamed) : []),
      ...(version === fallback && versioning.unknown === 'default' ? serve(versioned, version, forms.unknown()) : []),
    ];
  }
  return [
    ...versionsOf(versioning).flatMap(version => namedRoutes(versioned, version)),
    ...serve(versioned, fallback, forms.unnamed),
    ...(versioning.unknown === 'default' ? serve(versioned, fallback, forms.unknown('others')) : []),
    ...(versioning.unknown === 'reject' ? rejectUnknown(versioned, forms.unknown('others')) : []),
  ];
}

/** What callers of retired and unknown versions get where all rules of a path name a version, none of them theirs. */
export function guardRoutes(versioned: VersionedRule): readonly Route[] {
  const { versioning, forms } = versioned;
  return [
    ...versionsOf(versioning)
      .filter(version => stateOf(version, versioning).state === 'retired')
      .flatMap(version => namedRoutes(versioned, version)),
    ...(versioning.unknown === 'reject' ? rejectUnknown(versioned, forms.unknown()) : []),
  ];
}

function namedRoutes(versioned: VersionedRule, version: string): readonly Route[] {
  const { versioning, forms } = versioned;
  return serve(versioned, version, namesOf(version, versioning).flatMap(forms.named));
}

/** Forwards what the forms hold as calls of a version (of none: undefined), or answers 410 when it is retired. */
function serve(versioned: VersionedRule, version: string | undefined, forms: readonly Form[]): readonly Route[] {
  const { rule, versioning } = versioned;
  const settings = version === undefined ? undefined : stateOf(version, versioning);
  if (version !== undefined && settings?.state === 'retired') {
    const answer = retiredAnswer(versioned, version, rule.rule.responseHeaders);
    return routes(rule, forms, () => ({ name: `${rule.name}@${version}:410`, ...answer }));
  }
  const headers = settings && deprecationHeaders(settings);
  return versioned.lanes.flatMap(lane =>
    routes(rule, forms, form => ruleRoute(rule, { lane, path: form.rewrite, headers }), lane.conditions),
  );
}

function rejectUnknown(versioned: VersionedRule, forms: readonly Form[]): readonly Route[] {
  const { rule, versioning } = versioned;
  const name = `${rule.name}@unknown:${unknownStatus(versioning)}`;
  const answer = unknownAnswer(versioned, rule.rule.responseHeaders);
  return routes(rule, forms, () => ({ name, ...answer }));
}

function routes(
  rule: RuleIr,
  forms: readonly Form[],
  action: (form: Form) => Route,
  more: Conditions = {},
): readonly Route[] {
  const lists = conditions(rule.rule.match);
  return forms.flatMap(form => {
    const rest = action(form);
    return lists.map(list => ({ match: routeMatch(form.path, form.conditions, list, more), ...rest }));
  });
}

const states = ['active', 'deprecated', 'retired'] as const;

/** Served ones first, active ones before deprecated ones, new before old: so a caller that accepts several gets the best. */
function versionsOf(versioning: ApiVersioning): readonly string[] {
  const names = newestFirst(Object.keys(versioning.versions));
  return states.flatMap(state => names.filter(name => stateOf(name, versioning).state === state));
}

function stateOf(version: string, { versions }: ApiVersioning): ApiVersion {
  return lookup(versions, version) ?? { state: 'active' };
}
