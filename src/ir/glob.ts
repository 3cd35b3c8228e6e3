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

/** Letters that are compared, after those that are the same: clients may say of themselves what they like. */
export const MOST_COMPARED = 64;

/** Fewest letters to insert, delete or replace in `text` until it fits `glob`; of long texts, as far as it is compared. */
export function distanceToGlob(glob: string, text: string): number {
  let same = 0;
  while (same < glob.length && glob[same] !== '*' && glob[same] === text[same]) same++;
  const letters = text.slice(same, same + MOST_COMPARED);
  const width = letters.length + 1;
  const line = new Uint16Array(width);
  for (let column = 1; column < width; column++) line[column] = column;
  for (let row = same; row < glob.length; row++) {
    const want = glob.charCodeAt(row);
    const star = want === STAR;
    let diagonal = line[0] ?? 0;
    let left = star ? diagonal : diagonal + 1;
    line[0] = left;
    for (let column = 1; column < width; column++) {
      const above = line[column] ?? 0;
      const changed = letters.charCodeAt(column - 1) === want ? diagonal : diagonal + 1;
      const inserted = star ? Math.min(above, left) : Math.min(above, left) + 1;
      left = star ? inserted : Math.min(inserted, changed);
      line[column] = left;
      diagonal = above;
    }
  }
  return line[letters.length] ?? 0;
}

const STAR = '*'.charCodeAt(0);
