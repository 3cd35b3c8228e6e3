/** True if `text` fits `glob`, in which `*` stands for any text, also for none. Takes time linear in `text`. */
export function fitsGlob(glob: string, text: string): boolean {
  const [first = '', ...rest] = glob.split('*');
  const last = rest.pop();
  if (last === undefined) return glob === text;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/** True if some text fits both. */
export function globsMeet(a: string, b: string): boolean {
  // reach[j]: some text fits both the part of `a` read so far and the first j characters of `b`.
  let reach = Array.from({ length: b.length + 1 }, (_, j) => /^\**$/.test(b.slice(0, j)));
  for (const letter of a) {
    const next: boolean[] = [letter === '*' && reach[0] === true];
    for (let j = 1; j <= b.length; j += 1) {
      const other = b[j - 1];
      const star = letter === '*' || other === '*';
      const here = star ? reach[j] === true || next[j - 1] === true : letter === other && reach[j - 1] === true;
      next.push(here);
    }
    reach = next;
  }
  return reach[b.length] === true;
}

/** Fewest letters to insert, delete or replace in `text` until it fits `glob`; only the first 256 of them count. */
export function distanceToGlob(glob: string, text: string): number {
  const letters = text.slice(0, 256);
  let above = Array.from({ length: letters.length + 1 }, (_, column) => column);
  for (const want of glob) {
    const up = above;
    const cost = (index: number) => up[index] ?? Number.POSITIVE_INFINITY;
    const line: number[] = [want === '*' ? cost(0) : cost(0) + 1];
    for (let column = 1; column <= letters.length; column += 1) {
      const left = line[column - 1] ?? Number.POSITIVE_INFINITY;
      line.push(
        want === '*'
          ? Math.min(cost(column), left)
          : Math.min(cost(column) + 1, left + 1, cost(column - 1) + (letters[column - 1] === want ? 0 : 1)),
      );
    }
    above = line;
  }
  return above[letters.length] ?? 0;
}
