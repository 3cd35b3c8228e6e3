import { Buffer } from 'node:buffer';
import { compareText } from '../base/compare.ts';
import { encodeRaw } from './encode-raw.ts';
import { canonicalName } from './names.ts';
import type { RawError, RawResource } from './raw.ts';
import { checkRaw, errorCodes } from './raw-checks.ts';
import { ResourcesByName } from './resources-by-name.ts';
import type { EncodedResource, ResourceError, TypeSnapshot } from './snapshot.ts';
import { setOf, withReplaced } from './type-set.ts';

export type ErrorCode = keyof typeof errorCodes;

/** What is to be under a canonical name; undefined: nothing. */
type Changes = ReadonlyMap<string, EncodedResource | ResourceError | undefined>;

/** The next set of a type in the making. */
export class TypeDraft {
  readonly #url: string;
  readonly #previous: TypeSnapshot | undefined;
  readonly #anew: boolean;
  readonly #changes = new Map<string, EncodedResource | ResourceError | undefined>();

  /** @param anew it begins with nothing, instead of with all of the previous set. */
  constructor(url: string, previous: TypeSnapshot | undefined, { anew }: { readonly anew: boolean }) {
    this.#url = url;
    this.#previous = previous;
    this.#anew = anew;
  }

  remove(name: string): void {
    this.#changes.set(canonicalName(name), undefined);
  }

  put(given: RawResource | RawError): void {
    checkRaw(given);
    const name = canonicalName(given.name);
    if ('error' in given) {
      this.#changes.set(name, { code: errorCodes[given.error.code], message: given.error.message });
    } else {
      const fresh = encodeRaw(name, given);
      const known = this.#previous?.resources.get(name);
      if (known?.version === fresh.version && given.version !== undefined && !sameBytes(known, fresh))
        throw taken(given.version, `${this.#url} ${name}`);
      this.#changes.set(name, known?.version === fresh.version ? known : fresh);
    }
  }

  /** @param given the version by hand. Without one, a set that goes on and in which nothing is another keeps its own. */
  end(given: string | undefined): TypeSnapshot {
    const previous = this.#previous;
    const replaced = previous && replacements(previous, this.#changes, this.#anew);
    const next = replaced ? withReplaced(previous, replaced, given) : this.#made(given);
    if (!previous || next === previous) return next;
    const isEqual = () =>
      replaced ? replaced.every(each => previous.resources.get(each.name) === each) : isSame(previous, next);
    if (given === undefined) {
      const isKept = previous.numbered === undefined ? next.version === previous.version : !this.#anew && isEqual();
      return isKept ? previous : next;
    }
    if (given !== previous.version) return next;
    if (isEqual()) return previous;
    throw taken(given, this.#url);
  }

  #made(given: string | undefined): TypeSnapshot {
    const kept = this.#anew ? undefined : this.#previous;
    const resources = [...(kept?.resources.values() ?? [])].filter(({ name }) => !this.#changes.has(name));
    const errors = [...(kept?.errors ?? [])].filter(([name]) => !this.#changes.has(name));
    for (const [name, each] of this.#changes) {
      if (each && isResource(each)) resources.push(each);
      else if (each) errors.push([name, each]);
    }
    const ordered = ResourcesByName.of(resources.sort((a, b) => compareText(a.name, b.name)));
    return setOf(this.#url, ordered, new Map(errors.sort(([a], [b]) => compareText(a, b))), given);
  }
}

/** What takes the place of resources that are there; undefined if anything comes or goes, or is or was an error. */
function replacements(
  { resources, errors }: TypeSnapshot,
  changes: Changes,
  anew: boolean,
): readonly EncodedResource[] | undefined {
  const fresh: EncodedResource[] = [];
  for (const [name, each] of changes) {
    if (each === undefined && !resources.has(name) && !errors?.has(name)) continue;
    if (!each || !isResource(each) || !resources.has(name)) return undefined;
    fresh.push(each);
  }
  return anew && (fresh.length < resources.size || errors?.size) ? undefined : fresh;
}

function isResource(each: EncodedResource | ResourceError): each is EncodedResource {
  return 'version' in each;
}

function taken(version: string, by: string): Error {
  return new Error(`the version "${version}" of ${by} is that of another content: give each content its own version`);
}

function isSame(
  { resources, errors = new Map() }: TypeSnapshot,
  { resources: others, errors: otherErrors = new Map() }: TypeSnapshot,
): boolean {
  return (
    resources.size === others.size &&
    [...others].every(([name, other]) => resources.get(name)?.version === other.version) &&
    JSON.stringify([...errors]) === JSON.stringify([...otherErrors])
  );
}

function sameBytes(a: EncodedResource, b: EncodedResource): boolean {
  const bytes = (each: EncodedResource) => each.limited?.deltaEntry ?? each.deltaEntry;
  return a.onDemand === b.onDemand && Buffer.compare(bytes(a), bytes(b)) === 0;
}
