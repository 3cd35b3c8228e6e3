/** What a terminal obeys or hides: control characters, and those that turn the direction of text. */
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
/** What begins another line, or moves along it. */
const gaps = /[\t-\r\u0085\u2028\u2029]+/g;

/** A text of somebody else on one line; what a terminal would obey is shown as an escape, such as `\u001b`. */
export function oneLine(text: string): string {
  return text.replaceAll(gaps, ' ').replaceAll(unprintable, escapeOf).trim();
}

/** True if a terminal would not show all of it as it is. */
export function isHostile(text: string): boolean {
  return text.replaceAll(gaps, ' ').search(unprintable) >= 0;
}

/**
 * JSON, or YAML whose hostile texts are in double quotes, with escapes for what a terminal would obey. To a program it is
 * the same. Its own line ends stay.
 */
export function escaped(document: string): string {
  return document.replaceAll(unprintable, each => (each === '\n' ? each : escapeOf(each)));
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
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
