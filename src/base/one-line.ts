/** What a terminal obeys or hides: control characters, and those that turn the direction of text. */
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]+/gu;

/** A text of somebody else on one line, without what a terminal would obey. */
export function oneLine(text: string): string {
  return text.replaceAll(unprintable, ' ').trim();
}

/**
 * At most so many characters of a text, cut in the middle: what an Envoy says begins with the resource and ends with the
 * reason.
 */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const kept = most - 3;
  const end = Math.ceil(kept / 2);
  return `${text.slice(0, kept - end)} … ${text.slice(text.length - end)}`;
}
