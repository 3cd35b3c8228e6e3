import { Interner } from '../base/interner.ts';
import type { XdsEvent } from '../xds/events.ts';
import { shownWords } from './fold.ts';
import type { TypeStatus } from './proxy.ts';

/** An event that tells where a client stands with a type. */
export type TypeEvent = Extract<XdsEvent, { readonly typeUrl: string }>;

/** Where a client stands with a type, but for when it acknowledged it. */
export type Standing = Omit<TypeStatus, 'ackedAt'>;

/** What the standings of a fleet have in common. */
interface Origin {
  readonly known: Interner<Standings>;
  made: number;
  /** The newest step of all: clients are mostly told the same one after the other. */
  last: { readonly before: Standings; readonly event: TypeEvent; readonly after: Standings } | undefined;
}

/**
 * Where a client stands with the types that it asked for, in the order of asking. The instants of its acknowledgements are
 * not here, so that clients of a fleet, which are told and say the same, stand at one and the same object, and an event
 * costs them the look at where it led the client before.
 */
export class Standings {
  readonly all: readonly Standing[];
  readonly #origin: Origin;
  /** Where the newest event led from here. Not kept alive: who stands still here would keep all that came after. */
  #newest: { readonly event: TypeEvent; readonly after: WeakRef<Standings> } | undefined;

  private constructor(all: readonly Standing[], origin: Origin) {
    this.all = all;
    this.#origin = origin;
  }

  /** Where clients of a fleet begin: nothing is known of any type. */
  static begin(): Standings {
    return new Standings([], { known: new Interner(), made: 0, last: undefined });
  }

  /** How many have come from the same beginning so far. */
  get made(): number {
    return this.#origin.made;
  }

  /** Place of a type; -1 if nothing is known of it. */
  indexOf(typeUrl: string): number {
    const { all } = this;
    for (let index = 0; index < all.length; index++) if (all[index]?.typeUrl === typeUrl) return index;
    return -1;
  }

  /** Where the client stands after an event; the same object when that changes nothing. `at`: of a rejection. */
  after(event: TypeEvent, at: number): Standings {
    const { last } = this.#origin;
    if (last && last.before === this && isSame(event, last.event)) return last.after;
    const newest = this.#newest;
    const known = newest && isSame(event, newest.event) ? newest.after.deref() : undefined;
    const after = known ?? this.#folded(event, at);
    // Each is in its client's own words, and at a time of its own.
    if (event.kind === 'nacked') return after;
    if (!known) this.#newest = { event, after: new WeakRef(after) };
    this.#origin.last = { before: this, event, after };
    return after;
  }

  #folded(event: TypeEvent, at: number): Standings {
    const index = this.indexOf(event.typeUrl);
    const before = this.all[index];
    const standing = foldType(before ?? unknownType(event.typeUrl), event, at);
    if (standing === before) return this;
    const origin = this.#origin;
    const all = before ? this.all.with(index, standing) : [...this.all, standing];
    const made = (): Standings => {
      origin.made += 1;
      return new Standings(all, origin);
    };
    return all.some(each => each.rejection) ? made() : origin.known.one(JSON.stringify(all), made);
  }
}

/** True if an event says that the client holds a version of the type in full. */
export function isHeld(event: TypeEvent): boolean {
  return event.kind === 'current' || (event.kind === 'acked' && event.part !== true);
}

/** True if both tell the same of a type. Rejections are rare, and not compared. */
function isSame(one: TypeEvent, other: TypeEvent): boolean {
  if (one.kind !== other.kind || one.typeUrl !== other.typeUrl) return false;
  switch (one.kind) {
    case 'subscribed':
      return true;
    case 'sent':
    case 'current':
      return one.version === (other as typeof one).version;
    case 'acked':
      return one.version === (other as typeof one).version && one.part === (other as typeof one).part;
    case 'nacked':
      return false;
  }
}

function unknownType(typeUrl: string): Standing {
  return { typeUrl, state: 'notAsked', sent: undefined, acked: undefined, rejection: undefined };
}

function foldType(type: Standing, event: TypeEvent, at: number): Standing {
  switch (event.kind) {
    case 'subscribed':
      return type.state === 'notAsked' ? { ...type, state: 'pending' } : type;
    case 'sent': {
      // The rest of a set that was rejected does not make the rejection undone.
      const rejected = type.state === 'rejected' && type.rejection?.version === event.version;
      return { ...type, sent: event.version, state: rejected ? 'rejected' : 'pending' };
    }
    case 'acked': {
      if (event.part) return type;
      const state = type.sent === event.version ? 'synced' : type.state;
      const rejection = state === 'synced' ? undefined : type.rejection;
      return { ...type, acked: event.version, state, rejection };
    }
    case 'nacked':
      return { ...type, state: 'rejected', rejection: { version: event.version, message: shownWords(event), at } };
    case 'current':
      return { ...type, sent: event.version, acked: event.version, state: 'synced', rejection: undefined };
  }
}
