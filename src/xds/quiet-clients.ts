import type { Publication } from '../snapshot/board.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { Askers } from './askers.ts';
import type { XdsEvent } from './events.ts';
import { type Change, namesBetween, type Rest } from './resting.ts';

/** How far a client has come with what is published. */
export interface Position {
  readonly publication: Publication;
  /** Of it, what its node is given. */
  readonly published: Snapshot;
}

/** How a client rests. */
export interface Quiet extends Position {
  readonly rest: Rest;
  /** Of its node's snapshot. */
  readonly key: string;
}

/** What is needed of a client here. */
interface Quietable<C extends Quietable<C>> {
  readonly id: number;
  /** It is told of nothing from now on, until it goes on by itself: then it leaves the nest. */
  nestle(nest: Nest<C>): void;
  /** It is to go on by itself. */
  wake(): void;
}

/** Clients of one key that rest alike. */
export class Nest<C extends Quietable<C>> {
  readonly rest: Rest;
  readonly clients = new Map<number, C>();
  readonly #place: Place<C>;

  constructor(place: Place<C>, rest: Rest) {
    this.#place = place;
    this.rest = rest;
  }

  /** One goes on by itself. @returns what it has been told of meanwhile. */
  leave(clientId: number): Position {
    const client = this.clients.get(clientId);
    this.clients.delete(clientId);
    if (client) this.#place.left(client, this);
    return this.#place.position;
  }
}

/**
 * Clients that rest, and that the last publication did not concern: of the next ones, they are told together. One that does
 * not concern them costs nothing but the event that says so of each; whom it concerns is found by what they ask for.
 */
export class QuietClients<C extends Quietable<C>> {
  readonly #emit: (event: XdsEvent) => void;
  readonly #woken: (client: C) => void;
  /** By key. */
  readonly #places = new Map<string, Place<C>>();

  /** @param woken is told of each that goes on by itself. */
  constructor(emit: (event: XdsEvent) => void, woken: (client: C) => void) {
    this.#emit = emit;
    this.#woken = woken;
  }

  /** @returns whether it is here from now on: not if the others have been told of something else. */
  add(client: C, { rest, key, ...position }: Quiet): boolean {
    const place = this.#places.get(key) ?? new Place(position, this.#woken);
    if (!isSame(place.position, position)) return false;
    this.#places.set(key, place);
    place.add(client, rest);
    return true;
  }

  /** Tells all but those whom it concerns: these are woken, and have not been told. */
  publish(publication: Publication): void {
    for (const [key, place] of this.#places) {
      const isSameRule = publication.assign === place.position.publication.assign;
      const published = isSameRule ? tried(() => publication.snapshots.get(key)) : undefined;
      const changes = published && tried(() => place.changesTo(published));
      place.wake(changes);
      if (place.count === 0) this.#places.delete(key);
      else if (published && changes) {
        place.position = { publication, published };
        for (const event of place.passedBy(changes)) this.#emit(event);
      }
    }
  }
}

/** Clients of one key, which have all been told of the same. */
class Place<C extends Quietable<C>> {
  position: Position;
  readonly #woken: (client: C) => void;
  readonly #nests = new Map<Rest, Nest<C>>();
  readonly #askers = new Askers<Nest<C>>();
  #count = 0;
  /** Nests without anybody, to which those who were there mostly come back. */
  #empty = 0;

  constructor(position: Position, woken: (client: C) => void) {
    this.position = position;
    this.#woken = woken;
  }

  /** Clients. */
  get count(): number {
    return this.#count;
  }

  add(client: C, rest: Rest): void {
    const known = this.#nests.get(rest);
    const nest = known ?? new Nest(this, rest);
    if (!known) {
      this.#nests.set(rest, nest);
      this.#askers.add(nest);
    } else if (nest.clients.size === 0) this.#empty -= 1;
    nest.clients.set(client.id, client);
    this.#count += 1;
    client.nestle(nest);
  }

  left(client: C, nest: Nest<C>): void {
    this.#count -= 1;
    if (nest.clients.size === 0) this.#empty += 1;
    this.#woken(client);
    if (this.#empty > MOST_EMPTY + this.#count) this.#sweep();
  }

  #sweep(): void {
    for (const nest of this.#nests.values()) {
      if (nest.clients.size > 0) continue;
      this.#nests.delete(nest.rest);
      this.#askers.delete(nest);
    }
    this.#empty = 0;
  }

  changesTo(published: Snapshot): ReadonlyMap<string, Change> | undefined {
    return published === this.position.published ? noChanges : namesBetween(this.position.published, published);
  }

  /** Wakes those who are concerned; without changes that are known, all. */
  wake(changes: ReadonlyMap<string, Change> | undefined): void {
    const concerned = changes ? this.#concerned(changes) : new Set(this.#nests.values());
    for (const { clients } of concerned) for (const client of clients.values()) client.wake();
  }

  #concerned(changes: ReadonlyMap<string, Change>): ReadonlySet<Nest<C>> {
    const concerned = new Set<Nest<C>>();
    for (const [typeUrl, { names }] of changes)
      for (const nest of this.#askers.ofAny(typeUrl, names)) concerned.add(nest);
    return concerned;
  }

  /** That it is current, of each that has asked for what is another in a type. */
  *passedBy(changes: ReadonlyMap<string, Change>): Generator<XdsEvent, undefined> {
    for (const [typeUrl, { events }] of changes) {
      for (const { clients } of this.#askers.of(typeUrl)) {
        for (const clientId of clients.keys()) for (const event of events) yield { ...event, clientId };
      }
    }
  }
}

const MOST_EMPTY = 64;
const noChanges: ReadonlyMap<string, Change> = new Map();

function isSame(one: Position, other: Position): boolean {
  return one.publication === other.publication && one.published === other.published;
}

/** Undefined where that is a fault of ours: who is woken for it comes to it alone, and then only its own streams end. */
function tried<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}
