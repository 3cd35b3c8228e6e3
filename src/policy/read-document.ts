import { memo1, memo2, memoLike, memoUpon } from '../base/memo.ts';
import { type PolicyPath, type Problem, problem, type SourceSpan } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import { describe } from './describe.ts';
import { limits, type Mistake, type PolicyDocument, quote, type Reading } from './document.ts';
import { anythingMissing, doubtsOfName, doubtsOfSection, nameOf } from './draft.ts';
import { mistakesOf } from './issues.ts';
import { type Kind, kindNames, kinds } from './kinds.ts';
import { nameMistake } from './names.ts';
import { apiResource, takeOverKey } from './owner.ts';
import {
  environmentFile,
  type Filled,
  fill,
  holdsVariables,
  isEnvironment,
  type Substitution,
  unfilled,
  valuesIn,
} from './placeholders.ts';
import { readJson } from './read-json.ts';
import { readYaml } from './read-yaml.ts';
import { isRecord } from './schema-walk.ts';
import { type PlacedDocument, spanAt, spanIn } from './source-map.ts';

/** A resource in a document; `spec` is undefined when it has mistakes. */
export interface Found {
  readonly kind: Kind;
  readonly name: string;
  readonly raw: unknown;
  readonly spec: unknown;
  readonly span: () => SourceSpan;
  /** It stands in the place of what later documents declare under the same name. */
  readonly takesOver: boolean;
}

/** All resources of a document, with their mistakes or not; none where it cannot be read. */
export function resourcesIn(document: PolicyDocument, all: readonly PolicyDocument[]): readonly Found[] {
  const { declaring, reader } = readersOf(all);
  return declaring.includes(document) ? reader(document).parts.flatMap(each => each.resources) : [];
}

/** What of a set of documents declares something, and how that is read with the variables of the environment beside it. */
export const readersOf = memoUpon((documents: readonly PolicyDocument[], before): Readers => {
  const { declaring, reader } = readerFor(documents);
  return { declaring, reader, all: declaring.map((each, at) => reader(each, before?.made.declaring[at])) };
});

/** By itself, for a function that is kept keeps all that it was made beside: here, what was before, and what was before that. */
function readerFor(documents: readonly PolicyDocument[]) {
  const environment = documents.find(isEnvironment);
  const declaring = documents.filter(each => each !== environment);
  const reader = (document: PolicyDocument, like?: PolicyDocument) =>
    holdsVariables(document) ? readFilled(document, environment ?? noEnvironment) : readDocument(document, like);
  return { declaring, reader };
}

interface Readers {
  readonly declaring: readonly PolicyDocument[];
  readonly reader: (document: PolicyDocument) => ReadDocument;
  readonly all: readonly ReadDocument[];
}

const noEnvironment: PolicyDocument = { file: environmentFile, format: 'json', text: '{}' };

/** One value of a file: a file of YAML may hold several documents. */
export interface Part {
  readonly document: PlacedDocument;
  readonly resources: readonly Found[];
  readonly substitutions: readonly Substitution[];
  /** What the mistakes outside of resources leave uncertain. */
  readonly doubts: readonly PolicyPath[];
  readonly problems: readonly Problem[];
}

export interface ReadDocument {
  readonly parts: readonly Part[];
  readonly problems: readonly Problem[];
}

const readDocument = memoLike((document: PolicyDocument, like): ReadDocument => readWith(document, undefined, like));
const readFilled = memo2(
  (document: PolicyDocument, environment: PolicyDocument): ReadDocument => readWith(document, valuesIn([environment])),
);

/**
 * @param variables to put in; undefined: there is nothing to put in anywhere
 * @param like what is likely to say much the same: what stands in both need not be checked again
 */
function readWith(
  document: PolicyDocument,
  variables: Readonly<Record<string, string>> | undefined,
  like?: ReadDocument,
): ReadDocument {
  const { file, format, text } = document;
  const whole: PlacedDocument = { file, text: format === 'module' ? undefined : text, root: () => ({ offset: 0 }) };
  const { values, mistakes } = readText(document);
  const problems = mistakes.map(mistake => placedProblem(mistake, whole));
  const owned = apiResource(document) !== undefined;
  // What the API or a module says is a value as it is.
  const filled = format === 'module' || owned ? undefined : variables;
  const parts = values.map(({ value, place }, at) => {
    const known = like?.parts[at]?.resources ?? [];
    return readPart(value, { ...whole, root: place }, { owned, variables: filled, known });
  });
  return { parts, problems };
}

function readText({ format, text }: PolicyDocument): Reading {
  const size = Buffer.byteLength(text);
  const mistake = (code: Mistake['code'], message: string, hint: string): Mistake => ({
    code,
    path: [],
    offset: 0,
    message,
    hint,
  });
  if (size > limits.bytes) {
    return {
      values: [],
      mistakes: [
        mistake(
          'file.too_large',
          `this file has ${size} bytes; at most ${limits.bytes} are read`,
          'split the policy over several files',
        ),
      ],
    };
  }
  const empty = text.trim() === '';
  const reading = empty ? { values: [], mistakes: [] } : format === 'yaml' ? readYaml(text) : readJson(text);
  if (reading.values.length > 0 || reading.mistakes.length > 0) return reading;
  return {
    values: [],
    mistakes: [mistake('file.empty', 'this file declares nothing', 'remove it, or was it cut off while it was saved?')],
  };
}

interface PartOptions {
  /** It is the API's, which may say that it takes over. */
  readonly owned: boolean;
  readonly variables: Readonly<Record<string, string>> | undefined;
  /** What is likely to stand there, in this order. */
  readonly known: readonly Found[];
}

function readPart(written: unknown, document: PlacedDocument, { owned, variables, known }: PartOptions): Part {
  const resources: Found[] = [];
  const filled = variables ? fill(written, variables) : unfilled(written);
  const { value } = filled;
  const mistakes: Mistake[] = [...filled.mistakes];
  const doubts: PolicyPath[] = [];
  if (!isRecord(value)) {
    doubts.push(...anythingMissing);
    mistakes.push({
      code: 'schema.invalid_type',
      path: [],
      message: `a policy must be a mapping, is ${describe(value)}`,
      hint: `with the keys ${kindNames.join(', ')}`,
    });
  }
  const takesOver = owned && isRecord(value) && value[takeOverKey] === true;
  for (const [key, section] of isRecord(value) ? Object.entries(value) : []) {
    if (key === '$schema' || (owned && key === takeOverKey) || (section === null && isKind(key))) continue;
    if (!isKind(key)) {
      mistakes.push(unknownSection(key));
      doubts.push(...doubtsOfSection(key));
    } else if (isRecord(section)) {
      for (const [name, given] of Object.entries(section)) {
        const path = [key, name];
        const likely = known[resources.length]?.raw;
        const raw = writtenAlike(given, likely) ? likely : given;
        const checked = check(key, raw);
        const wrongName = nameMistake(name);
        if (wrongName) {
          mistakes.push({ ...wrongName, path });
          doubts.push(...doubtsOfName(key, name));
        }
        mistakes.push(
          ...told(
            checked.mistakes.map(mistake => ({ ...mistake, path: [...path, ...mistake.path] })),
            filled,
          ),
        );
        resources.push({ kind: key, name, raw, spec: checked.spec, span: () => spanIn(document, path), takesOver });
      }
    } else {
      doubts.push(nameOf([key]));
      mistakes.push({
        code: 'schema.invalid_type',
        path: [key],
        message: `must be a mapping from names to ${key}, is ${describe(section)}`,
        hint: `for example ${key}: { my-name: { … } }`,
      });
    }
  }
  const { substitutions } = filled;
  return {
    document,
    resources,
    doubts,
    substitutions,
    problems: inOrder(mistakes.map(mistake => placedProblem(mistake, document))),
  };
}

/** Whether two values are the same, down to the order of their keys. */
function writtenAlike(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((each, at) => writtenAlike(each, b[at]));
  if (!isRecord(a) || !isRecord(b)) return false;
  const [names, others] = [Object.keys(a), Object.keys(b)];
  return (
    names.length === others.length && names.every((name, at) => name === others[at] && writtenAlike(a[name], b[name]))
  );
}

/** Without those that follow from a variable that could not be put in; where one was, it is named. */
function told(mistakes: readonly Mistake[], { mistakes: before, substitutions }: Filled): readonly Mistake[] {
  if (mistakes.length === 0) return mistakes;
  const key = (each: { readonly path: PolicyPath }) => JSON.stringify(each.path);
  const known = new Set(before.map(key));
  const written = new Map(substitutions.map(each => [key(each), each.written]));
  return mistakes
    .filter(each => !known.has(key(each)))
    .map(each => {
      const from = written.get(key(each));
      return from === undefined ? each : { ...each, message: `${each.message}, from ${from}` };
    });
}

interface Checked {
  readonly spec: unknown;
  readonly mistakes: readonly Mistake[];
}

function checkAgainst(kind: Kind): (raw: unknown) => Checked {
  const { schema } = kinds[kind];
  const now = (raw: unknown): Checked => {
    const result = schema.safeParse(raw);
    return result.success
      ? { spec: result.data, mistakes: [] }
      : { spec: undefined, mistakes: mistakesOf(schema, raw, result.error.issues) };
  };
  const remembered = memo1(now);
  return raw => (typeof raw === 'object' && raw !== null ? remembered(raw) : now(raw));
}

const checks: Readonly<Record<Kind, (raw: unknown) => Checked>> = {
  services: checkAgainst('services'),
  gateways: checkAgainst('gateways'),
  routes: checkAgainst('routes'),
  fleets: checkAgainst('fleets'),
};
const check = (kind: Kind, raw: unknown) => checks[kind](raw);

function isKind(key: string): key is Kind {
  return Object.hasOwn(kinds, key);
}

function unknownSection(key: string): Mistake {
  const hint = didYouMean(key, kindNames) ?? `keys here: ${kindNames.join(', ')}`;
  return { code: 'schema.unknown_key', path: [key], message: `there is no key ${quote(key)} here`, hint };
}

function placedProblem({ code, path, message, hint, offset }: Mistake, document: PlacedDocument): Problem {
  const source = offset === undefined ? spanIn(document, path) : spanAt(document, offset);
  return { ...problem(code, path, message, hint), source };
}

/** By line and column. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const place = ({ source }: Problem) => [source?.line ?? 0, source?.column ?? 0] as const;
  return problems.toSorted((a, b) => {
    const [[line, column], [otherLine, otherColumn]] = [place(a), place(b)];
    return line - otherLine || column - otherColumn;
  });
}
