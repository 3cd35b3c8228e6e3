/** Lines that are looked at beside a change. */
const context = 3;
/** Above so many comparisons the middle counts as replaced. */
const mostWork = 4_000_000;

/** What turns one text into another, line by line, as `diff -u` writes it without its heading; empty for equal texts. */
export function textDiff(before: string, after: string): string {
  if (before === after) return '';
  const steps = stepsBetween(linesOf(before), linesOf(after));
  return hunksOf(steps)
    .map(hunk => hunkText(steps, hunk))
    .join('');
}

interface Step {
  readonly sign: ' ' | '-' | '+';
  readonly line: string;
}

function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

function stepsBetween(old: readonly string[], now: readonly string[]): readonly Step[] {
  const shorter = Math.min(old.length, now.length);
  let start = 0;
  while (start < shorter && old[start] === now[start]) start++;
  let end = 0;
  while (end < shorter - start && old[old.length - 1 - end] === now[now.length - 1 - end]) end++;
  const same = (lines: readonly string[]) => lines.map((line): Step => ({ sign: ' ', line }));
  const middle = middleSteps(old.slice(start, old.length - end), now.slice(start, now.length - end));
  return [...same(old.slice(0, start)), ...middle, ...same(old.slice(old.length - end))];
}

/** By the longest common subsequence. */
function middleSteps(old: readonly string[], now: readonly string[]): readonly Step[] {
  const gone = (line: string): Step => ({ sign: '-', line });
  const come = (line: string): Step => ({ sign: '+', line });
  if (old.length * now.length > mostWork) return [...old.map(gone), ...now.map(come)];
  const width = now.length + 1;
  const longest = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      const skip = Math.max(longest[(i + 1) * width + j] ?? 0, longest[i * width + j + 1] ?? 0);
      longest[i * width + j] = old[i] === now[j] ? (longest[(i + 1) * width + j + 1] ?? 0) + 1 : skip;
    }
  }
  const steps: Step[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    const [left, right] = [old[i], now[j]];
    if (left !== undefined && left === right) {
      steps.push({ sign: ' ', line: left });
      i++;
      j++;
    } else if (left !== undefined && (longest[(i + 1) * width + j] ?? 0) >= (longest[i * width + j + 1] ?? 0)) {
      steps.push(gone(left));
      i++;
    } else if (right !== undefined) {
      steps.push(come(right));
      j++;
    }
  }
  return steps;
}

/** Runs of steps, with what is around changes. */
function hunksOf(steps: readonly Step[]): readonly (readonly [number, number])[] {
  const hunks: [number, number][] = [];
  for (const [at, { sign }] of steps.entries()) {
    if (sign === ' ') continue;
    const last = hunks.at(-1);
    if (last && at - context <= last[1]) last[1] = Math.min(at + context + 1, steps.length);
    else hunks.push([Math.max(at - context, 0), Math.min(at + context + 1, steps.length)]);
  }
  return hunks;
}

function hunkText(steps: readonly Step[], [from, to]: readonly [number, number]): string {
  const count = (run: readonly Step[], other: Step['sign']) => run.filter(each => each.sign !== other).length;
  const [before, hunk] = [steps.slice(0, from), steps.slice(from, to)];
  const span = (other: Step['sign']) => {
    const length = count(hunk, other);
    return `${count(before, other) + (length === 0 ? 0 : 1)},${length}`;
  };
  return `@@ -${span('+')} +${span('-')} @@\n${hunk.map(({ sign, line }) => `${sign}${line}\n`).join('')}`;
}
