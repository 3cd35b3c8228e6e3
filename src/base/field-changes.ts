/** One field of a message in JSON form that has another value, with its value on each side where it has one there. */
export interface FieldChange {
  /** `virtual_hosts[shop].routes[shop/everyone].route.cluster`; empty for the whole. See {@link fieldChanges}. */
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface FieldChanges {
  readonly fields: readonly FieldChange[];
  /** There are more than are listed. */
  readonly more: boolean;
}

/** A value with more characters of JSON than this is told by its beginning, as text. */
const longestValue = 2000;

/**
 * What turns one JSON value into another, in the order of their fields; at most so many.
 *
 * Items of lists are called by what people know them by, where each has such a name: `name`, the address of an endpoint,
 * its locality, the text itself. Such lists are compared by these names, and another order of the same items is a change
 * of the list. Items of other lists are called by their place in the newer list, in the older one if they are gone.
 */
export function fieldChanges(before: unknown, after: unknown, most: number): FieldChanges {
  const found: FieldChange[] = [];
  const walk = new Walk(change => {
    found.push(change);
    return found.length <= most;
  });
  walk.values('', before, after);
  return { fields: found.slice(0, most), more: found.length > most };
}

class Walk {
  readonly #take: (change: FieldChange) => boolean;
  #goesOn = true;

  constructor(take: (change: FieldChange) => boolean) {
    this.#take = take;
  }

  values(path: string, before: unknown, after: unknown): void {
    if (!this.#goesOn || Object.is(before, after)) return;
    if (Array.isArray(before) && Array.isArray(after)) this.#lists(path, before, after);
    else if (isRecord(before) && isRecord(after) && before['@type'] === after['@type']) {
      this.#records(path, before, after);
    } else this.#say(path, before, after);
  }

  #say(path: string, before: unknown, after: unknown): void {
    this.#goesOn = this.#take({
      path,
      ...(before === undefined ? {} : { before: bounded(before) }),
      ...(after === undefined ? {} : { after: bounded(after) }),
    });
  }

  #records(path: string, before: JsonRecord, after: JsonRecord): void {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      this.values(fieldPath(path, key), own(before, key), own(after, key));
    }
  }

  #lists(path: string, before: readonly unknown[], after: readonly unknown[]): void {
    const [old, now] = [namedItems(before), namedItems(after)];
    if (!old || !now) {
      this.#places(path, before, after);
      return;
    }
    for (const [name, item] of old) this.values(`${path}[${name}]`, item, now.get(name));
    for (const [name, item] of now) if (!old.has(name)) this.values(`${path}[${name}]`, undefined, item);
    const [oldOrder, newOrder] = [
      [...old.keys()].filter(each => now.has(each)),
      [...now.keys()].filter(each => old.has(each)),
    ];
    if (this.#goesOn && oldOrder.some((name, index) => name !== newOrder[index])) {
      this.#say(path, [...old.keys()], [...now.keys()]);
    }
  }

  /** What both begin and end with is left out, so that an item that was put in does not change all that follow. */
  #places(path: string, before: readonly unknown[], after: readonly unknown[]): void {
    const shorter = Math.min(before.length, after.length);
    let start = 0;
    while (start < shorter && isEqual(before[start], after[start])) start++;
    let end = 0;
    while (end < shorter - start && isEqual(before[before.length - 1 - end], after[after.length - 1 - end])) end++;
    const [old, now] = [before.slice(start, before.length - end), after.slice(start, after.length - end)];
    for (let at = 0; at < Math.max(old.length, now.length); at++) {
      this.values(`${path}[${start + at}]`, old[at], now[at]);
    }
  }
}

type JsonRecord = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(record: JsonRecord, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function fieldPath(path: string, key: string): string {
  if (!/^[A-Za-z_@][\w@-]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}

/** The items by their names; undefined when one has none, or two have the same. */
function namedItems(items: readonly unknown[]): ReadonlyMap<string, unknown> | undefined {
  const named = new Map<string, unknown>();
  for (const item of items) {
    const name = nameOf(item);
    if (name === undefined || named.has(name)) return undefined;
    named.set(name, item);
  }
  return named;
}

function nameOf(item: unknown): string | undefined {
  if (typeof item === 'string') return item;
  if (!isRecord(item)) return undefined;
  if (typeof item['name'] === 'string' && item['name'] !== '') return item['name'];
  if (isRecord(item['endpoint'])) return addressName(item['endpoint']['address']);
  return Array.isArray(item['lb_endpoints']) ? localityName(item) : undefined;
}

function addressName(address: unknown): string | undefined {
  if (!isRecord(address)) return undefined;
  const { socket_address: socket, pipe } = address;
  if (isRecord(socket)) return `${socket['address']}:${socket['port_value']}`;
  return isRecord(pipe) ? String(pipe['path']) : undefined;
}

function localityName({ locality, priority = 0 }: JsonRecord): string {
  const parts = isRecord(locality) ? [locality['region'], locality['zone'], locality['sub_zone']] : [];
  const zone = parts.filter(part => typeof part === 'string' && part !== '').join('/');
  return priority === 0 ? zone : `${zone} priority ${String(priority)}`.trim();
}

function isEqual(a: unknown, b: unknown): boolean {
  return !fieldChanges(a, b, 0).more;
}

function bounded(value: unknown): unknown {
  if (typeof value !== 'string' && typeof value !== 'object') return value;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text.length <= longestValue) return value;
  return `${text.slice(0, longestValue)} … (${text.length} characters)`;
}
