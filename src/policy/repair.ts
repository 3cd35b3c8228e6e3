import { z } from 'zod';
import { memo1 } from '../base/memo.ts';
import type { PolicyPath } from '../base/problem.ts';
import type { Mistake } from './document.ts';
import { mistakesOf } from './issues.ts';
import { type AnySchema, coreOf, isRecord, objectsAt, type Step, stepsTo } from './schema-walk.ts';

/** A resource made good for checking what stands beside its mistakes. */
export interface Repaired {
  readonly spec: unknown;
  /** Relative places whose values are not what the user wrote, or meant: nothing may be concluded from them. */
  readonly doubts: readonly PolicyPath[];
  /** Keys in wrong places: each may have been meant for some other mapping, also one outside of the resource. */
  readonly stray: readonly string[];
}

/** Rounds of mending, since one mistake can hide the next; then the whole resource is given up. */
const rounds = 8;
/** Nobody mends more than these one by one. */
const mostMistakes = 100;

/**
 * The resource with every mistaken value replaced by the example of its field, or left out. Which value takes its place
 * does not matter, since the place is in doubt. `fallback` is an example of the whole resource, which must be good.
 */
export function repair(schema: z.ZodType, raw: unknown, fallback: unknown): Repaired {
  const root = { value: copy(raw) };
  const doubts = new Map<string, PolicyPath>();
  const stray = new Set<string>();
  const doubt = (path: PolicyPath) => doubts.set(JSON.stringify(path), path);
  const changed = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const result = schema.safeParse(root.value);
    if (result.success) return { spec: result.data, doubts: [...doubts.values()], stray: [...stray] };
    const mistakes = mistakesOf(schema, root.value, result.error.issues);
    if (mistakes.length === 0 || mistakes.length > mostMistakes) break;
    const found = mistakes.map(mistake => ({ mistake, steps: stepsTo(schema, root.value, mistake.path) }));
    for (const { mistake, steps } of found) {
      for (const path of doubtsOf(mistake, steps)) doubt(path);
      for (const key of mistake.path) if (typeof key === 'string') stray.add(key);
    }
    for (const { mistake, steps } of found) {
      const place = change(root, mistake, steps, changed);
      if (place.length === 0) return givenUp(schema, fallback, stray);
      doubt(place);
    }
  }
  return givenUp(schema, fallback, stray);
}

function givenUp(schema: z.ZodType, fallback: unknown, stray: ReadonlySet<string>): Repaired {
  return { spec: schema.parse(copy(fallback)), doubts: [[]], stray: [...stray] };
}

/** What a mistake leaves uncertain: its place, and wherever a key in the wrong place may belong. */
function doubtsOf({ code, path, hint }: Mistake, steps: readonly Step[]): readonly PolicyPath[] {
  const key = path.at(-1);
  if (typeof key !== 'string') return [path];
  const parent = path.slice(0, -1);
  const above = everyLevel(path);
  // A wrong name may be that of a key, and then the right one is missing.
  if (code === 'schema.invalid_name') return [...above, parent];
  if (code !== 'schema.unknown_key') return [...above, path];
  const meant = meantBy(key, hint, steps);
  if (meant !== undefined) return [...above, path, [...parent, meant]];
  // The whole of what it stands in may be in the wrong place.
  return [...above, ...everyLevel(parent), parent];
}

/** The field that a key is a misspelling of: not a field of something else, and with a value that suits it. */
function meantBy(key: string, hint: string | undefined, steps: readonly Step[]): string | undefined {
  const meant = /^did you mean "(.*)"\?$/.exec(hint ?? '')?.[1];
  const [resource, parent, value] = [steps[0], steps.at(-2), steps.at(-1)?.value];
  if (meant === undefined || !resource || !parent || resource.schemas.some(each => fieldsIn(each).has(key))) return;
  const fields = parent.schemas.flatMap(schema => objectsAt(schema, parent.value).map(shape => shape[meant]));
  return fields.some(field => field && z.safeParse(field, value).success) ? meant : undefined;
}

/** The last key of a path, in each mapping around it. */
function everyLevel(path: PolicyPath): readonly PolicyPath[] {
  const key = path.at(-1);
  return typeof key === 'string' ? path.map((_, depth) => [...path.slice(0, depth), key]) : [];
}

/** Names of all fields of a schema, at any depth. */
export const fieldsIn = memo1((schema: AnySchema): ReadonlySet<string> => {
  const core = coreOf(schema);
  if (core.kind === 'leaf') return new Set();
  if (core.kind === 'list') return fieldsIn(core.item);
  if (core.kind === 'record') return fieldsIn(core.value);
  if (core.kind === 'union') return new Set(core.options.flatMap(option => [...fieldsIn(option)]));
  return new Set(Object.entries(core.shape).flatMap(([key, inner]) => [key, ...fieldsIn(inner)]));
});

/** Replaces or removes what is at fault, or the nearest around it that was not tried yet; says what it was. */
function change(
  root: { value: unknown },
  { code, path }: Mistake,
  steps: readonly Step[],
  changed: Set<string>,
): PolicyPath {
  for (let depth = path.length; depth > 0; depth--) {
    const place = path.slice(0, depth);
    const id = JSON.stringify(place);
    if (changed.has(id)) continue;
    changed.add(id);
    const parent = valueAt(root.value, place.slice(0, -1));
    const key = place.at(-1);
    if (key === undefined || typeof parent !== 'object' || parent === null) continue;
    const unknown = code === 'schema.unknown_key' && depth === path.length;
    const example = unknown ? undefined : exampleAt(steps, depth, typeof key === 'number');
    if (example === undefined && Array.isArray(parent)) continue;
    if (example === undefined) Reflect.deleteProperty(parent, key);
    else Reflect.set(parent, key, copy(example));
    return place;
  }
  return [];
}

/** The documented example of a place, or of the list that it is an item of. */
function exampleAt(steps: readonly Step[], depth: number, isItem: boolean): unknown {
  const own = exampleOf(steps[depth]?.schemas ?? []);
  if (own !== undefined || !isItem) return own;
  const list = exampleOf(steps[depth - 1]?.schemas ?? []);
  return Array.isArray(list) ? list[0] : undefined;
}

function exampleOf(schemas: readonly AnySchema[]): unknown {
  const examples = schemas.flatMap(schema => z.globalRegistry.get(schema)?.['examples'] ?? []);
  return examples[0];
}

/** The value at a path of plain data; undefined where there is none. */
export function valueAt(value: unknown, path: PolicyPath): unknown {
  let at = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined;
    at = Reflect.get(at, part);
  }
  return at;
}

/** Aliases of YAML are the same objects, and must not be changed together. */
function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)]));
}
