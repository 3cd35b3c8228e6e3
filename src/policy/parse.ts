import { compareText } from '../base/compare.ts';
import { type Before, memoUpon, shareStructure } from '../base/memo.ts';
import { hasErrors, type PolicyPath, type Problem, problem, type SourceSpan } from '../base/problem.ts';
import { withValues } from '../base/records.ts';
import { type PolicyDocument, quote } from './document.ts';
import { anythingMissing, type Draft, doubtsOfResource, nameOf, repairResource } from './draft.ts';
import { type Kind, kindNames, type Policy } from './kinds.ts';
import { apiResource } from './owner.ts';
import type { Substitution } from './placeholders.ts';
import { type Found, type Part, type ReadDocument, readersOf } from './read-document.ts';
import { mergeSources, type PlacedDocument, type SourceMap, spanAt, spanIn } from './source-map.ts';

export type { PolicyDocument } from './document.ts';

/** What a set of documents says. */
export interface ParseResult {
  /** Present when no problem is an error. Its names are in order, whatever the order of the documents. */
  readonly policy: Policy | undefined;
  /** Present when the policy is not: what to look for further problems in. */
  readonly draft: Draft | undefined;
  readonly sources: SourceMap;
  /** Variables of the environment that were put in, each with its place. */
  readonly substitutions: readonly PlacedSubstitution[];
  /** All of them, in the order of the documents; each with its source. */
  readonly problems: readonly Problem[];
}

/**
 * Reads documents as one policy. Pure, and never throws: whatever is wrong is among the problems, all found in one
 * pass. What one document or resource gets wrong hides nothing of the others. Work that documents and resources have
 * in common with an earlier call is remembered by their identity, and what is equal in the policy read last is its very
 * object.
 */
export const parse: (documents: readonly PolicyDocument[]) => ParseResult = memoUpon(parseUpon);

/** @param before what was read last; it decides how much is made anew, and nothing of the result. */
export function parseUpon(
  documents: readonly PolicyDocument[],
  before: Before<readonly PolicyDocument[], ParseResult> | undefined,
): ParseResult {
  return (before && replacing(before, documents)) ?? parseAll(documents);
}

/** The last result with those resources replaced that other documents declare otherwise; undefined where more is other. */
function replacing(
  { given, made }: Before<readonly PolicyDocument[], ParseResult>,
  documents: readonly PolicyDocument[],
): ParseResult | undefined {
  if (!made.policy || made.problems.length > 0) return undefined;
  const [old, now] = [readersOf(given).all, readersOf(documents).all];
  const fresh = now.length === old.length ? freshIn(old, now) : undefined;
  if (!fresh) return undefined;
  const values = Map.groupBy(fresh, ({ kind }) => kind);
  const sections = kindNames.map(kind => {
    const section: object = made.policy?.[kind] ?? {};
    const shared = (values.get(kind) ?? []).map(
      ({ name, spec }) => [name, shareStructure(own(section, name), spec)] as const,
    );
    return [kind, withValues(section, new Map(shared))] as const;
  });
  const same = sections.every(([kind, section]) => section === made.policy?.[kind]);
  const policy = same ? made.policy : (Object.fromEntries(sections) as unknown as Policy);
  const parts = now.flatMap(each => each.parts);
  const sources = mergeSources(parts.map(each => each.document));
  return { policy, draft: undefined, sources, substitutions: parts.flatMap(substitutionsOf), problems: [] };
}

/** Resources of documents that are read otherwise than those in their places; undefined where that is not all there is to it. */
function freshIn(old: readonly ReadDocument[], now: readonly ReadDocument[]): readonly Found[] | undefined {
  const fresh: Found[] = [];
  for (let at = 0; at < now.length; at++) {
    const [was, is] = [old[at], now[at]];
    if (was === is || !was || !is) continue;
    if (is.problems.length > 0 || is.parts.some(each => each.problems.length > 0)) return undefined;
    const [before, after] = [was, is].map(each => each.parts.flatMap(({ resources }) => resources));
    if (!before || before.length !== after?.length || was.parts.length !== is.parts.length) return undefined;
    if (!after.every((each, place) => sameName(each, before[place]))) return undefined;
    fresh.push(...after);
  }
  return fresh;
}

function sameName(a: Found, b: Found | undefined): boolean {
  return a.kind === b?.kind && a.name === b.name && a.takesOver === b.takesOver;
}

const own = (section: object, name: string): unknown =>
  Object.hasOwn(section, name) ? (section as Record<string, unknown>)[name] : undefined;

function substitutionsOf({ document, substitutions }: Part): readonly PlacedSubstitution[] {
  return substitutions.length === 0
    ? noSubstitutions
    : substitutions.map(each => ({ ...each, source: spanIn(document, each.path) }));
}

const noSubstitutions: readonly PlacedSubstitution[] = [];

function parseAll(documents: readonly PolicyDocument[]): ParseResult {
  const problems: Problem[] = [];
  const doubts: PolicyPath[] = [];
  const placed: PlacedDocument[] = [];
  const substitutions: PlacedSubstitution[] = [];
  const found = new Map<Kind, Map<string, Found>>(kindNames.map(kind => [kind, new Map()]));
  for (const read of readersOf(documents).all) {
    problems.push(...read.problems);
    const partial = hasErrors(read.problems);
    if (partial) doubts.push(...anythingMissing);
    for (const part of read.parts) {
      placed.push(part.document);
      problems.push(...part.problems);
      substitutions.push(...substitutionsOf(part));
      doubts.push(...part.doubts);
      for (const resource of part.resources) {
        if (partial) doubts.push([resource.kind, resource.name]);
        const known = found.get(resource.kind);
        const first = known?.get(resource.name);
        if (first?.takesOver) problems.push(takenOver(resource, first));
        else if (first) {
          problems.push(twice(resource, first));
          doubts.push([resource.kind, resource.name], nameOf([resource.kind]));
        } else known?.set(resource.name, resource);
      }
    }
  }
  const all = [...found.values()].flatMap(resources => [...resources.values()]);
  if (all.length === 0 && !hasErrors(problems)) problems.push(nothing(placed[0], documents));
  const sources = mergeSources(placed);
  if (hasErrors(problems))
    return { policy: undefined, draft: draftOf(found, doubts), sources, substitutions, problems };
  return { policy: assemble(found, ({ spec }) => spec), draft: undefined, sources, substitutions, problems };
}

export type PlacedSubstitution = Substitution & { readonly source: SourceSpan };

type FoundByKind = ReadonlyMap<Kind, ReadonlyMap<string, Found>>;

function twice(resource: Found, first: Found): Problem {
  const { file, line, column } = first.span();
  const path: PolicyPath = [resource.kind, resource.name];
  const message = `${quote(resource.name)} is declared twice among the ${resource.kind}: here and at ${file}:${line}:${column}`;
  const owner = apiResource({ file, format: 'json' });
  const hint = owner ? takeBack(resource) : 'remove one of them, or give it another name';
  return {
    ...problem('policy.duplicate_name', path, message, hint),
    source: resource.span(),
  };
}

const takeBack = ({ kind, name }: Found) =>
  `remove it here, or delete what was made by API: switchyard delete ${kind}/${name}`;

/** That a file's resource is without effect. */
function takenOver(resource: Found, first: Found): Problem {
  const path: PolicyPath = [resource.kind, resource.name];
  const message = `${quote(resource.name)} of the ${resource.kind} is without effect here: the API has taken it over (${first.span().file})`;
  const hint = `remove it here, or give it back with: switchyard delete ${resource.kind}/${resource.name}`;
  return { ...problem('policy.taken_over', path, message, hint), source: resource.span() };
}

function nothing(first: PlacedDocument | undefined, documents: readonly PolicyDocument[]): Problem {
  const empty = problem('policy.empty', [], 'the policy declares nothing', `declare ${kindNames.join(', ')}`);
  const file = documents[0]?.file;
  if (first) return { ...empty, source: spanAt(first, first.root().offset) };
  return file === undefined ? empty : { ...empty, source: { file, line: 1, column: 1 } };
}

function assemble(found: FoundByKind, specOf: (resource: Found) => unknown): Policy {
  const sections = kindNames.map(kind => {
    const names = [...(found.get(kind) ?? [])].sort(([a], [b]) => compareText(a, b));
    return [kind, Object.fromEntries(names.map(([name, resource]) => [name, specOf(resource)]))] as const;
  });
  // Every spec is what its kind's own schema made, so this is what the schema of the whole would have made.
  return Object.fromEntries(sections) as unknown as Policy;
}

function draftOf(found: FoundByKind, outside: readonly PolicyPath[]): Draft {
  const doubts = [...outside];
  const policy = assemble(found, ({ kind, name, raw, spec }) => {
    if (spec !== undefined) return spec;
    const repaired = repairResource(kind, raw);
    doubts.push(...doubtsOfResource(kind, name, raw, repaired));
    return repaired.spec;
  });
  return { policy, doubts };
}
