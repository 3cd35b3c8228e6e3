import { Buffer } from 'node:buffer';
import { compareText } from '../base/compare.ts';
import { versionOf } from './build.ts';
import { contentHash } from './encode.ts';
import { encodeRaw } from './encode-raw.ts';
import { canonicalName } from './names.ts';
import type { RawError, RawResource } from './raw.ts';
import type { EncodedResource, ResourceError, TypeSnapshot } from './snapshot.ts';

/** Of `google.rpc.Code`, those that mean something to clients here. */
const errorCodes = { UNKNOWN: 2, NOT_FOUND: 5, PERMISSION_DENIED: 7, INTERNAL: 13, UNAVAILABLE: 14 } as const;

export type ErrorCode = keyof typeof errorCodes;

/** The next set of a type in the making. */
export class TypeDraft {
  readonly #url: string;
  readonly #previous: TypeSnapshot | undefined;
  readonly #resources: Map<string, EncodedResource>;
  readonly #errors: Map<string, ResourceError>;
  #ordered = true;

  /** @param from what it begins with: all of the previous set, or nothing. */
  constructor(url: string, previous: TypeSnapshot | undefined, from?: readonly []) {
    this.#url = url;
    this.#previous = previous;
    this.#resources = new Map(from ?? previous?.resources);
    this.#errors = new Map(from ?? previous?.errors);
  }

  remove(name: string): void {
    this.#resources.delete(canonicalName(name));
    this.#errors.delete(canonicalName(name));
  }

  put(given: RawResource | RawError): void {
    const name = canonicalName(given.name);
    if ('error' in given) {
      this.#resources.delete(name);
      this.#errors.set(name, { code: errorCodes[given.error.code], message: given.error.message });
    } else {
      this.#errors.delete(name);
      const fresh = encodeRaw(name, given);
      const known = this.#previous?.resources.get(name);
      if (known?.version === fresh.version && given.version !== undefined && !sameBytes(known, fresh))
        throw taken(given.version, `${this.#url} ${name}`);
      this.#ordered &&= this.#resources.has(name);
      this.#resources.set(name, known?.version === fresh.version ? known : fresh);
    }
  }

  /** @param given the version by hand. */
  end(given: string | undefined): TypeSnapshot {
    const resources = this.#ordered ? this.#resources : inOrder(this.#resources);
    const errors = inOrder(this.#errors);
    const version = given ?? versionWith(errors, versionOf(this.#url, resources));
    const previous = this.#previous;
    if (previous?.version === version && previous.numbered === given) {
      if (given === undefined || isSame(previous, resources, errors)) return previous;
      throw taken(given, this.#url);
    }
    const numbered = given !== undefined && { numbered: given };
    return { typeUrl: this.#url, version, ...numbered, resources, ...(errors.size > 0 && { errors }) };
  }
}

function inOrder<V>(byName: ReadonlyMap<string, V>): ReadonlyMap<string, V> {
  return new Map([...byName].sort(([a], [b]) => compareText(a, b)));
}

function taken(version: string, by: string): Error {
  return new Error(`the version "${version}" of ${by} is that of another content: give each content its own version`);
}

function isSame(
  { resources, errors = new Map() }: TypeSnapshot,
  others: ReadonlyMap<string, EncodedResource>,
  otherErrors: ReadonlyMap<string, ResourceError>,
): boolean {
  const alike = (name: string, other: EncodedResource): boolean => {
    const known = resources.get(name);
    return known !== undefined && known.version === other.version;
  };
  return (
    resources.size === others.size &&
    [...others].every(([name, other]) => alike(name, other)) &&
    JSON.stringify([...errors]) === JSON.stringify([...otherErrors])
  );
}

function sameBytes(a: EncodedResource, b: EncodedResource): boolean {
  const bytes = (each: EncodedResource) => each.limited?.deltaEntry ?? each.deltaEntry;
  return a.onDemand === b.onDemand && Buffer.compare(bytes(a), bytes(b)) === 0;
}

/** Errors are content too. */
function versionWith(errors: ReadonlyMap<string, ResourceError>, version: string): string {
  return errors.size === 0 ? version : contentHash(JSON.stringify([version, ...errors]));
}
