import { z } from 'zod';
import { memo1 } from '../base/memo.ts';
import { type Mistake, type PolicyDocument, quote } from './document.ts';
import { kinds } from './kinds.ts';
import { readJson } from './read-json.ts';
import { readYaml } from './read-yaml.ts';
import { type AnySchema, isRecord, stepsTo } from './schema-walk.ts';

/**
 * `${NAME}` and `${NAME:-default}` stand for variables of the environment, in fields that say that they may, of files that
 * people write as YAML or JSON. The values that were found when the files were read are a document of their own beside
 * theirs, so that everything that follows knows them, and the same documents always mean the same.
 */

/** Name of the document that holds the values, as JSON by name. */
export const environmentFile = 'environment:';

/** Finds the value of a variable. */
export type Variables = (name: string) => string | undefined;

type Values = Readonly<Record<string, string>>;

/** The document of the variables that documents use where they may; undefined where they use none. */
export function environmentOf(documents: readonly PolicyDocument[], variables: Variables): PolicyDocument | undefined {
  const names = new Set(documents.flatMap(namesUsedIn));
  const values = [...names].sort().flatMap(name => {
    const value = variables(name);
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  if (names.size === 0) return undefined;
  return { file: environmentFile, format: 'json', text: `${JSON.stringify(Object.fromEntries(values))}\n` };
}

/** Those alone that stand where they may: no other value of the environment gets anywhere. */
function namesUsedIn(document: PolicyDocument): readonly string[] {
  const { format, text } = document;
  if (format === 'module' || !holdsVariables(document)) return [];
  const { values } = format === 'yaml' ? readYaml(text) : readJson(text);
  return values.flatMap(({ value }) => fill(value, {}).names);
}

export const isEnvironment = ({ file, format }: Pick<PolicyDocument, 'file' | 'format'>): boolean =>
  file === environmentFile && format === 'json';

/** The values that a set of documents brings. */
export function valuesIn(documents: readonly PolicyDocument[]): Values {
  const document = documents.find(isEnvironment);
  const value: unknown = document ? JSON.parse(document.text) : {};
  return isRecord(value) ? (value as Values) : {};
}

const pattern = /(\$\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}/g;

/** True where there is anything to put in, or an escape. */
const mayHold = (text: string): boolean => text.includes('${');

/** Whether there is anything to put in, in a whole document. */
export const holdsVariables = memo1(({ text }: PolicyDocument): boolean => mayHold(text));

const namesIn = (text: string): readonly string[] =>
  mayHold(text) ? [...text.matchAll(pattern)].flatMap(([, , name]) => name ?? []) : [];

/** What was put in at a place of the policy. */
export interface Substitution {
  readonly path: readonly (string | number)[];
  /** As it is written. */
  readonly written: string;
  readonly value: string | number;
}

export interface Filled {
  readonly value: unknown;
  readonly mistakes: readonly Mistake[];
  readonly substitutions: readonly Substitution[];
  /** Variables that stand where they may. */
  readonly names: readonly string[];
}

/** A value in which there is nothing to put in. */
export const unfilled = (value: unknown): Filled => ({ value, mistakes: [], substitutions: [], names: [] });

/** A value of a document with the variables put in. Never throws; what cannot be put in is left out of the way. */
export function fill(value: unknown, values: Values): Filled {
  const mistakes: Mistake[] = [];
  const substitutions: Substitution[] = [];
  const names: string[] = [];
  const walk = (at: unknown, path: readonly (string | number)[]): unknown => {
    if (Array.isArray(at)) return at.map((each, index) => walk(each, [...path, index]));
    if (isRecord(at))
      return Object.fromEntries(Object.entries(at).map(([key, each]) => [key, walk(each, [...path, key])]));
    if (typeof at !== 'string' || !mayHold(at)) return at;
    return put(at, path);
  };
  const put = (written: string, path: readonly (string | number)[]): unknown => {
    if (namesIn(written).length === 0) return written.replaceAll('$${', '${');
    const place = placeOf(value, path);
    if (!place) {
      mistakes.push(notHere(written, path));
      return written;
    }
    names.push(...namesIn(written));
    const missing: string[] = [];
    const text = written.replaceAll(
      pattern,
      (_, plain: string | undefined, name: string, usual: string | undefined) => {
        if (plain !== undefined) return '${';
        const known = Object.hasOwn(values, name) ? values[name] : usual;
        if (known === undefined) missing.push(name);
        return known ?? '';
      },
    );
    if (missing.length > 0) {
      mistakes.push(...missing.map(name => unset(name, path)));
      return written;
    }
    if (place === 'text') {
      substitutions.push({ path, written, value: text });
      return text;
    }
    if (!/^-?\d{1,15}$/.test(text)) {
      mistakes.push(noNumber(written, text, path));
      return written;
    }
    substitutions.push({ path, written, value: Number(text) });
    return Number(text);
  };
  return { value: walk(value, []), mistakes, substitutions, names };
}

/** Whether a variable may stand at a place, and what it becomes there. */
function placeOf(root: unknown, path: readonly (string | number)[]): 'text' | 'number' | undefined {
  const [kind, name, ...rest] = path;
  if (typeof kind !== 'string' || typeof name !== 'string' || !Object.hasOwn(kinds, kind) || !isRecord(root))
    return undefined;
  const section = root[kind];
  const resource = isRecord(section) ? section[name] : undefined;
  const steps = stepsTo(kinds[kind as keyof typeof kinds].schema, resource, rest);
  if (steps.length <= rest.length) return undefined;
  const last = steps.at(-1);
  // An item of a list is described with the list.
  const described =
    typeof rest.at(-1) === 'number' ? [...(last?.schemas ?? []), ...(steps.at(-2)?.schemas ?? [])] : last?.schemas;
  return described?.map(placeholderOf).find(each => each !== undefined);
}

/** What a field says of variables in it. */
function placeholderOf(schema: AnySchema): 'text' | 'number' | undefined {
  const said = z.globalRegistry.get(schema)?.['placeholder'];
  return said === 'text' || said === 'number' ? said : undefined;
}

function notHere(written: string, path: readonly (string | number)[]): Mistake {
  return {
    code: 'environment.not_here',
    path,
    message: `no variable may stand here: ${quote(written)}`,
    hint: 'write the value itself, or $${ for a plain ${; variables may stand in addresses, ports, hosts and weights',
  };
}

function unset(name: string, path: readonly (string | number)[]): Mistake {
  return {
    code: 'environment.unset',
    path,
    message: `the variable ${name} is not set`,
    hint: `set it for the server, or write \${${name}:-VALUE} for what holds then`,
  };
}

function noNumber(written: string, text: string, path: readonly (string | number)[]): Mistake {
  return {
    code: 'environment.wrong_type',
    path,
    message: `${written} is ${quote(text)}, and a whole number should stand here`,
    hint: 'set the variable to a number',
  };
}
