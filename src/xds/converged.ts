import { Interner, numberOf } from '../base/interner.ts';
import type { ClientState } from './client-state.ts';
import type { Lane } from './lanes.ts';
import type { OrderState } from './order-state.ts';

/**
 * Clients that have come to the same on different ways, one of them slower or after an outage, go on as one: equal states
 * at rest are one object. What a key does not look into stands there by its identity, so a part that is not made the same
 * everywhere makes states differ, and never makes different states one.
 *
 * A client of very many streams stays by itself: they were opened in an order of its own, and a key would look at all of
 * them whenever one has said something (R41).
 */
export function converged(state: ClientState): ClientState {
  if (state.lanes.length > MOST_LANES || !isAtRest(state)) return state;
  const lanes = state.lanes.map(interned);
  return states.one(keyOf(state, lanes), () => ({ ...state, lanes }));
}

const MOST_LANES = 32;

const states = new Interner<ClientState>();
const knownLanes = new Interner<Lane>();

function interned(lane: Lane): Lane {
  if (ours.has(lane)) return lane;
  const one = knownLanes.one(`${shallow(lane, 'state')} ${shallow(lane.state)}`, () => lane);
  ours.add(one);
  return one;
}

const ours = new WeakSet<Lane>();

/** Nothing is under way and no timer runs: most states are like this, and others are not worth a key. */
function isAtRest({ tally, order, timers, rewarmed }: ClientState): boolean {
  if (timers > 0 || order.timers > 0 || rewarmed.length > 0) return false;
  for (const { unsettled } of tally.values()) if (unsettled > 0) return false;
  return true;
}

function keyOf(state: ClientState, lanes: readonly Lane[]): string {
  const { streams, tally, targets, order } = state;
  return JSON.stringify([
    shallow(state, 'streams', 'lanes', 'tally', 'targets', 'order'),
    [...streams.values()].map(({ settings, open }) => [shallow(settings), open]),
    lanes.map(numberOf),
    [...tally].map(([typeUrl, counts]) => [typeUrl, shallow(counts)]),
    [...targets].map(([typeUrl, target]) => [typeUrl, shallow(target)]),
    orderKey(order),
  ]);
}

function orderKey(order: OrderState): readonly string[] {
  const { retiring, settling, lingering, closing } = order;
  return [
    shallow(order, 'retiring', 'settling', 'lingering', 'closing'),
    ...[retiring, settling, lingering, closing].map(each => shallow(each)),
  ];
}

/** True if both say the same, found out without keys: down to what is the same object, or is made the same everywhere. */
export function areAlike(a: unknown, b: unknown, depth = 5): boolean {
  if (a === b) return true;
  if (depth === 0 || typeof a !== 'object' || typeof b !== 'object' || !a || !b) return false;
  const within = (one: unknown, other: unknown): boolean => areAlike(one, other, depth - 1);
  if (a instanceof Map) {
    if (!(b instanceof Map) || a.size !== b.size) return false;
    for (const [key, value] of a) if (!b.has(key) || !within(value, b.get(key))) return false;
    return true;
  }
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((each, at) => within(each, b[at]));
  if (!isPlain(a) || !isPlain(b)) return false;
  for (const key in a) if (!within(a[key], b[key])) return false;
  for (const key in b) if (!(key in a)) return false;
  return true;
}

function isPlain(value: object): value is Readonly<Record<string, unknown>> {
  return Object.getPrototypeOf(value) === Object.prototype;
}

/** All fields but some: what is plain by value, what is empty as such, and everything else by identity. */
function shallow(object: object, ...without: readonly string[]): string {
  let key = '';
  for (const [name, value] of Object.entries(object)) {
    if (value !== undefined && !without.includes(name)) key += `${name}:${shown(value)},`;
  }
  return key;
}

function shown(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value) && value.length === 0) return '[]';
  if (value instanceof Map && value.size === 0) return '{}';
  return `#${numberOf(value)}`;
}
