import type { PolicyPath } from '../base/problem.ts';
import type { FieldNames } from './origin-fields.ts';

/** One step into a message: a field and, where it is a list or a map, the place in it. */
export interface FieldStep {
  /** In snake case. */
  readonly name: string;
  readonly at: number | string | undefined;
  /** What is there in the message, if anything. */
  readonly value: unknown;
}

/** Reads `health_checks[0].timeout` or `options["a.b"].c` along a message. What does not look like a path is empty. */
export function stepsAlong(message: unknown, field: string): readonly FieldStep[] {
  const steps: FieldStep[] = [];
  let value = message;
  for (const [, name = '', place] of field.matchAll(/([A-Za-z_@]\w*)((?:\[(?:\d+|"(?:[^"\\]|\\.)*")\])?)/g)) {
    const key = keyIn(value, name);
    value = member(value, key);
    const at = place ? placeOf(place.slice(1, -1)) : undefined;
    if (at !== undefined) value = member(value, at);
    steps.push({ name: key, at, value });
  }
  return steps;
}

/** What stands in brackets: a number, which whoever wrote it may have begun with zeros, or a text in quotes. */
function placeOf(text: string): number | string {
  return text.startsWith('"') ? JSON.parse(text) : Number(text);
}

/** Where a text stands in a message, as a path; undefined where it does not. Of several places, the first. */
export function fieldHolding(message: unknown, text: string): string | undefined {
  for (const [path, leaf] of textsIn(message)) if (leaf === text) return path;
  return undefined;
}

/** All texts of a message with their paths. */
export function* textsIn(value: unknown, path = ''): Iterable<readonly [path: string, text: string]> {
  if (typeof value === 'string') yield [path, value];
  if (Array.isArray(value)) for (const [at, each] of value.entries()) yield* textsIn(each, `${path}[${at}]`);
  if (!isRecord(value)) return;
  for (const [key, each] of Object.entries(value)) {
    if (key !== '@type') yield* textsIn(each, /^\w+$/.test(key) ? `${path}${path && '.'}${key}` : `${path}["${key}"]`);
  }
}

/**
 * The part of a declaration that a field of a message is made of, as a path inside it: as deep as entries of `names` and
 * equal names lead, `timeout` being `timeout` and `health_check` being `healthCheck`. Undefined when not even the first
 * step leads anywhere.
 */
export function walk(declared: unknown, steps: readonly FieldStep[], names: FieldNames): PolicyPath | undefined {
  const length = entryLength(steps, names);
  let path: PolicyPath = [];
  let value = declared;
  for (const key of names[spelled(steps, length)]?.split('.') ?? []) {
    value = member(value, key);
    if (value === undefined) return path.length > 0 ? path : undefined;
    path = [...path, key];
  }
  let rest = steps;
  if (length > 0) {
    ({ path, value } = entered({ path, value }, steps[length - 1]));
    rest = steps.slice(length);
  }
  for (const step of rest) {
    const key = equalName(value, step.name);
    if (key === undefined) break;
    ({ path, value } = entered({ path: [...path, key], value: member(value, key), outer: value }, step));
  }
  return path.length > 0 ? path : undefined;
}

/** How many of the first steps the longest fitting entry covers; 0 without one. */
export function entryLength(steps: readonly FieldStep[], names: FieldNames): number {
  let length = steps.length;
  while (length > 0 && names[spelled(steps, length)] === undefined) length--;
  return length;
}

function spelled(steps: readonly FieldStep[], length: number): string {
  return steps
    .slice(0, length)
    .map(each => each.name)
    .join('.');
}

interface Reached {
  readonly path: PolicyPath;
  readonly value: unknown;
  readonly outer?: unknown;
}

/** Goes on to an item of a list by its number, and to that of a record by the name that the message's item bears. */
function entered(reached: Reached, step: FieldStep | undefined): Reached {
  const { path, value } = reached;
  if (step?.at === undefined) return reached;
  if (typeof step.at === 'string' || Array.isArray(value)) {
    const at = Array.isArray(value) ? placeIn(value, step) : step.at;
    const item = at === undefined ? undefined : member(value, at);
    return at === undefined || item === undefined ? reached : { path: [...path, at], value: item };
  }
  const name = member(step.value, 'name');
  if (!isRecord(value) || typeof name !== 'string') return reached;
  const item = member(value, name);
  // What the policy does not name was put there for another reason.
  if (item === undefined) return { path: path.slice(0, -1), value: undefined };
  return { path: [...path, name], value: item };
}

/** Texts and numbers are found by themselves, since messages have them in order; other items by their place. */
function placeIn(list: readonly unknown[], { at, value }: FieldStep): number | undefined {
  if (typeof value === 'object' || value === undefined) return typeof at === 'number' ? at : undefined;
  const found = list.indexOf(value);
  return found < 0 ? undefined : found;
}

const plain = (name: string) => name.replaceAll('_', '').toLowerCase();

function equalName(value: unknown, name: string): string | undefined {
  if (!isRecord(value)) return undefined;
  const wanted = plain(name);
  return Object.keys(value).find(key => value[key] !== undefined && plain(key) === wanted);
}

/** The field as the message spells it: Envoy's words have `HealthChecks` for `health_checks`. */
function keyIn(value: unknown, name: string): string {
  if (isRecord(value) && Object.hasOwn(value, name)) return name;
  const wanted = plain(name);
  const known = isRecord(value) ? Object.keys(value).find(key => plain(key) === wanted) : undefined;
  return known ?? name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toLowerCase();
}

function member(value: unknown, key: number | string): unknown {
  if (Array.isArray(value)) return typeof key === 'number' ? value[key] : undefined;
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** What stands at a path. */
export function valueAt(value: unknown, path: PolicyPath): unknown {
  return path.reduce(member, value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
