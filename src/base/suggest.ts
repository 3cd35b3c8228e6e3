/** Edits (insert, delete, replace, swap of neighbours) between two texts; anything over `limit` is `limit + 1`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: readonly number[] = [];
  let above: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      const at = (cells: readonly number[], index: number) => cells[index] ?? limit + 1;
      let cost = Math.min(at(above, column) + 1, at(line, column - 1) + 1, at(above, column - 1) + (same ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, at(before, column - 2) + 1);
      }
      line.push(cost);
    }
    if (Math.min(...line) > limit) return limit + 1;
    before = above;
    above = line;
  }
  return Math.min(above[b.length] ?? limit + 1, limit + 1);
}

const letters = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');

/** Longer words may differ in more when they begin alike: `retry` is `retries`. */
function allowedDistance(text: string, candidate: string): number {
  if (text.length <= 3) return 1;
  const alike = text.slice(0, 4) === candidate.slice(0, 4) && text.length + candidate.length >= 12;
  return alike ? 3 : 2;
}

/**
 * The one of `candidates` that `text` was probably meant to be: at most two edits away (one, in texts of up to three
 * letters; three, when they begin alike), or the same but for case and punctuation. The first of equally near ones wins.
 */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  if (text.length > 100) return undefined;
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    if (candidate === text) continue;
    const same = letters(candidate) === letters(text) && letters(text) !== '';
    const allowed = Math.min(allowedDistance(text, candidate), bestDistance - 1);
    const far = same ? 0 : distance(text, candidate, allowed);
    if (far > allowed && !same) continue;
    if (far < bestDistance && far < candidate.length) {
      best = candidate;
      bestDistance = far;
    }
    if (far === 0) break;
  }
  return best;
}

/** `did you mean "x"?`, if one of `candidates` is near. */
export function didYouMean(text: string, candidates: Iterable<string>): string | undefined {
  const found = nearest(text, candidates);
  return found === undefined ? undefined : `did you mean ${JSON.stringify(found)}?`;
}
