/** A resource that a client has rejected, and what it says of it: its own words, or all of the message. */
export interface Culprit {
  readonly name: string;
  readonly reason: string;
}

/** The form of a list of names with reasons: `open`, then `head NAME tail REASON` again and again with `separator`. */
export interface ListForm {
  readonly open: string;
  readonly separator: string;
  readonly head: string;
  readonly tail: string;
  /** How reasons begin; any but the first name counts only before one of these. */
  readonly reasons?: readonly string[];
  /** The list need not have the order of the names. */
  readonly unordered?: boolean;
}

/**
 * The names of a list and their reasons. A reason may hold anything, so what looks like a further name counts only if it
 * comes later in the response, and before what is known to begin a reason. Where two names fit, the list ends.
 */
export function listed(message: string, names: readonly string[], form: ListForm): readonly Culprit[] {
  const { head, tail, reasons, unordered } = form;
  const separator = form.separator + head;
  if (!message.startsWith(form.open + head)) return [];
  const find = finder(message, names, tail);
  const found: (Entry & { readonly end: number })[] = [];
  let end = 0;
  for (let start = form.open.length + head.length; ; start = end + separator.length) {
    const entry = find(start);
    const last = found.at(-1);
    if (entry === 'ambiguous' || (!entry && !last)) break;
    const counts =
      entry && (!last || ((unordered || entry.index > last.index) && beginsReason(message, entry.reasonAt, reasons)));
    if (counts) found.push({ ...entry, end });
    end = message.indexOf(separator, counts ? entry.reasonAt : start);
    if (end < 0) break;
  }
  return found.map(({ name, reasonAt }, place) => ({
    name,
    reason: message.slice(reasonAt, found[place + 1]?.end).trimEnd(),
  }));
}

function beginsReason(message: string, at: number, reasons: readonly string[] | undefined): boolean {
  return reasons === undefined || reasons.some(reason => message.startsWith(reason, at));
}

interface Entry {
  readonly name: string;
  /** Its place among the names. */
  readonly index: number;
  readonly reasonAt: number;
}

/** Finds the name that begins at a place and has `tail` behind it; never an empty one. Places must not go down. */
function finder(message: string, names: readonly string[], tail: string) {
  const byStart = new Map<string, { readonly name: string; readonly index: number }[]>();
  let longest = 0;
  for (const [index, name] of names.entries()) {
    if (name === '') continue;
    const start = name.slice(0, `${name}${tail}`.indexOf(tail));
    longest = Math.max(longest, start.length);
    const alike = byStart.get(start);
    if (alike) alike.push({ name, index });
    else byStart.set(start, [{ name, index }]);
  }
  let next = -1;
  return (at: number): Entry | 'ambiguous' | undefined => {
    if (next < at) next = message.indexOf(tail, at);
    if (next < 0) next = message.length;
    if (next - at > longest) return undefined;
    const alike = byStart.get(message.slice(at, next)) ?? [];
    const fitting = alike.filter(({ name }) => message.startsWith(name + tail, at));
    const [only] = fitting;
    if (fitting.length > 1) return 'ambiguous';
    return only && { ...only, reasonAt: at + only.name.length + tail.length };
  };
}

const numberOfOne = /resource index (\d{1,7}): /y;

/**
 * A list in square brackets, from `start`, with the places of resources instead of names: `resource index 2: reason; …`.
 */
export function numbered(message: string, names: readonly string[], start: number): readonly Culprit[] {
  if (names.some(name => name.includes('resource index '))) return [];
  const found: { readonly index: number; readonly end: number; readonly reasonAt: number }[] = [];
  for (let end = start - 2; end >= 0; ) {
    const at = end + 2;
    numberOfOne.lastIndex = at;
    const index = Number(numberOfOne.exec(message)?.[1] ?? -1);
    const counts = index > (found.at(-1)?.index ?? -1) && index < names.length;
    if (!counts && found.length === 0) return [];
    const reasonAt = counts ? numberOfOne.lastIndex : at;
    if (counts) found.push({ index, end, reasonAt });
    end = message.indexOf('; ', reasonAt);
  }
  return found.map(({ index, reasonAt }, place) => {
    const name = names[index] ?? '';
    const rest = found[place + 1];
    const reason = rest ? message.slice(reasonAt, rest.end) : message.slice(reasonAt).replace(/\]$/, '');
    return { name, reason: reason.startsWith(`${name}: `) ? reason.slice(name.length + 2) : reason };
  });
}
