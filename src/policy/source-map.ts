import type { PolicyPath, Problem, SourceSpan } from '../base/problem.ts';

/** Where a value of a document stands, and where the values inside it do. Offsets count UTF-16 units of the text. */
export interface Place {
  /** Of the key, for an entry of a mapping; of the value, for an item of a list. */
  readonly offset: number;
  readonly children?: ReadonlyMap<string | number, Place>;
}

/** One document of a file with the places of its values. Without `text` the places are unknown: all is line 1, column 1. */
export interface PlacedDocument {
  readonly file: string;
  readonly text: string | undefined;
  readonly root: () => Place;
}

/** Finds the place of what a path names, in the files that a policy was read from. */
export interface SourceMap {
  /** The span of `path`, or of its nearest ancestor that is known; undefined when there is no file at all. */
  spanOf(path: PolicyPath): SourceSpan | undefined;
}

const lineStarts = new WeakMap<PlacedDocument, readonly number[]>();

function startsOf(document: PlacedDocument, text: string): readonly number[] {
  const known = lineStarts.get(document);
  if (known) return known;
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  lineStarts.set(document, starts);
  return starts;
}

/** Line and column of an offset in a document's text. */
export function spanAt(document: PlacedDocument, offset: number): SourceSpan {
  const { file, text } = document;
  if (text === undefined) return { file, line: 1, column: 1 };
  const starts = startsOf(document, text);
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { file, line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
}

/** The span of `path` inside one document, or of its nearest ancestor there. */
export function spanIn(document: PlacedDocument, path: PolicyPath): SourceSpan {
  let place = document.root();
  for (const part of path) {
    const next = place.children?.get(part);
    if (!next) break;
    place = next;
  }
  return spanAt(document, place.offset);
}

/** A map over the documents that one policy was merged from. Of things declared twice, the first counts. */
export function mergeSources(documents: readonly PlacedDocument[]): SourceMap {
  const known = (document: PlacedDocument, path: PolicyPath): number => {
    let place: Place | undefined = document.root();
    let depth = 0;
    while (depth < path.length) {
      place = place.children?.get(path[depth] ?? '');
      if (!place) break;
      depth += 1;
    }
    return depth;
  };
  let index: ReadonlyMap<string, PlacedDocument> | undefined;
  return {
    spanOf: path => {
      if (path.length >= 2) index ??= ownersOf(documents);
      const owner = path.length < 2 ? undefined : index?.get(JSON.stringify(path.slice(0, 2)));
      if (owner) return spanIn(owner, path);
      let best = documents[0];
      for (const document of documents) {
        if (best && known(document, path) > known(best, path)) best = document;
      }
      return best && spanIn(best, path);
    },
  };
}

/** The document that declares each resource first. */
function ownersOf(documents: readonly PlacedDocument[]): ReadonlyMap<string, PlacedDocument> {
  const owners = new Map<string, PlacedDocument>();
  for (const document of documents) {
    for (const [kind, section] of document.root().children ?? []) {
      for (const name of section.children?.keys() ?? []) {
        const key = JSON.stringify([kind, name]);
        if (!owners.has(key)) owners.set(key, document);
      }
    }
  }
  return owners;
}

/** The problems with the `source` filled in, where it was absent and is known. */
export function locate(problems: readonly Problem[], sources: SourceMap): readonly Problem[] {
  return problems.map(problem => {
    if (problem.source) return problem;
    const source = sources.spanOf(problem.path);
    return source ? { ...problem, source } : problem;
  });
}
