import { following, type Graph } from './graph.ts';

/** Pairs of first and last code point, in order and apart from each other. */
export type Ranges = readonly (readonly [number, number])[];

const inClass = (ranges: Ranges, point: number) => ranges.some(([lo, hi]) => lo <= point && point <= hi);

/** Adds a class of bytes: one node for each range, beyond the first behind an `alt`. @returns the entry; 0: matches nothing */
export function addClass(graph: Graph, ranges: Ranges): number {
  const fold = foldsAscii(ranges);
  let entry = 0;
  for (const [lo, hi] of ranges) {
    if (lo > 0xff || (fold && lo >= 0x41 && hi <= 0x5a)) continue;
    const id = graph.add('byte', following, 0, lo === 0 && hi >= 0xff);
    entry = entry === 0 ? id : graph.add('alt', entry, id);
  }
  return entry;
}

/** Whether the class holds the same letters in capitals as in small ones: RE2 then tests for one of the two. */
function foldsAscii(ranges: Ranges): boolean {
  for (let letter = 0; letter < 26; letter += 1) {
    if (inClass(ranges, 0x41 + letter) !== inClass(ranges, 0x61 + letter)) return false;
  }
  return true;
}

/** A Latin-1 letter with its other case, if that is Latin-1 too. In order. */
export function caseVariants(point: number): Ranges {
  const text = String.fromCodePoint(point);
  const points = [text, text.toLowerCase(), text.toUpperCase()]
    .filter(each => each.length === 1)
    .map(each => each.charCodeAt(0));
  const latin = new Set(points.filter(each => each <= 0xff));
  return [...latin].sort((a, b) => a - b).map(each => [each, each]);
}
