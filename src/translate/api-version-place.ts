import { quoted } from '../base/regex.ts';
import type { ApiVersioning, ApiVersionPlace } from '../policy/api-versioning.ts';
import type { Rule } from '../policy/route.ts';
import type { Form, VersionForms } from './api-version-forms.ts';
import { versionsInPath } from './api-version-path.ts';
import { queryConditions } from './query-match.ts';
import { regexMatcher } from './regex.ts';
import { type Conditions, pathSpecifier } from './route-match.ts';
import { notHeader } from './text-match.ts';

/** @param names every name of every version. */
export function versionForms(rule: Rule, versioning: ApiVersioning, names: readonly string[]): VersionForms {
  const place = versioning.in;
  if (place.path) return versionsInPath(rule, versioning, place.path, names);
  const path = pathSpecifier(rule.match.path);
  const here = (list: readonly Conditions[]): readonly Form[] => list.map(conditions => ({ path, conditions }));
  const { named, unnamed, anyNamed, notNamed } = valueConditions(place);
  return {
    named: name => here([named(name)]),
    unnamed: here(unnamed),
    unknown: others => here([joined([anyNamed, ...(others ? [] : names.map(notNamed))])]),
  };
}

interface ValueConditions {
  named(name: string): Conditions;
  /** One of these. */
  readonly unnamed: readonly Conditions[];
  readonly anyNamed: Conditions;
  notNamed(name: string): Conditions;
}

function valueConditions(place: ApiVersionPlace): ValueConditions {
  if (place.header) return inHeader(place.header.name);
  if (place.query) return inQuery(place.query.parameter);
  return inMediaType(place.mediaType?.vendor ?? '');
}

/** An empty header names no version. */
function inHeader(name: string): ValueConditions {
  const empty = { exact: '' };
  return {
    named: version => ({ headers: [{ name, string_match: { exact: version } }] }),
    unnamed: [{ headers: [{ name, string_match: empty, treat_missing_header_as_empty: true }] }],
    anyNamed: { headers: [notHeader(name, empty)] },
    notNamed: version => ({ headers: [notHeader(name, { exact: version })] }),
  };
}

/** An empty parameter names no version. */
function inQuery(name: string): ValueConditions {
  const isNot = (exact: string): Conditions => {
    const { headers, parameters } = queryConditions(name, { exact, not: true });
    return { headers, query_parameters: parameters };
  };
  return {
    named: version => ({ query_parameters: [{ name, string_match: { exact: version } }] }),
    unnamed: [
      { query_parameters: [{ name, present_match: false }] },
      { query_parameters: [{ name, string_match: { exact: '' } }] },
    ],
    anyNamed: joined([{ query_parameters: [{ name, present_match: true }] }, isNot('')]),
    notNamed: isNot,
  };
}

/** Media types have no case. Parameters, quality values among them, and the suffix (`+json`) do not matter. */
function inMediaType(vendor: string): ValueConditions {
  const name = 'accept';
  const anyOfVendor = { contains: `application/vnd.${vendor}.`, ignore_case: true };
  const version = (text: string) => {
    const type = quoted(`application/vnd.${vendor}.${text}`);
    return { safe_regex: regexMatcher(`(?i)(?:.*[, \\t])?${type}(?:[+;, \\t].*)?`) };
  };
  return {
    named: text => ({ headers: [{ name, string_match: version(text) }] }),
    unnamed: [{ headers: [notHeader(name, anyOfVendor)] }],
    anyNamed: { headers: [{ name, string_match: anyOfVendor }] },
    notNamed: text => ({ headers: [notHeader(name, version(text))] }),
  };
}

function joined(lists: readonly Conditions[]): Conditions {
  return {
    headers: lists.flatMap(list => list.headers ?? []),
    query_parameters: lists.flatMap(list => list.query_parameters ?? []),
  };
}
