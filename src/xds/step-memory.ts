import { numberOf } from '../base/interner.ts';
import { remember } from '../base/remember.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Resting, Steps } from './client.ts';
import type { ClientSettings, ClientState, StateStep } from './client-state.ts';
import { type StateInput, startState, stepState } from './client-step.ts';
import { areAlike, converged } from './converged.ts';
import type { Variant } from './events.ts';
import { type Rest, restingAt, restOf } from './resting.ts';

/**
 * Steps of clients, each found once for all that are in the same state and are told the same: what a push and its
 * acknowledgement cost is then a look-up for every client of a fleet but the first.
 *
 * Keeps nothing alive but the newest: a step is remembered for as long as a client is where it led, and what is remembered
 * of a state is bounded. What is forgotten is found anew.
 */
export class StepMemory implements Steps {
  readonly start: ClientState;
  readonly resting: Resting = {
    of: (state, before) => this.#restOf(state, before),
    at: (rest, published) => this.#restingAt(rest, published),
  };
  readonly #known = new WeakMap<ClientState, Map<string, WeakRef<StateStep>>>();
  readonly #rests = new WeakMap<ClientState, Rest>();
  /** The newest state of each. */
  readonly #woken = new WeakMap<Rest, WeakRef<ClientState>>();
  /** The clients of a fleet are mostly told the same one after the other: that needs no key. */
  #newest: { readonly state: ClientState; readonly input: StateInput; readonly step: StateStep } | undefined;
  /** Of snapshots that followed one another. */
  readonly #places = new WeakMap<Snapshot, number>();
  #found = 0;
  #compared = 0;

  constructor(settings: ClientSettings) {
    this.start = startState(settings);
  }

  /** How many steps had to be found. */
  get found(): number {
    return this.#found;
  }

  /** How many states were compared with those of others. */
  get compared(): number {
    return this.#compared;
  }

  step(state: ClientState, input: StateInput, rested?: Rest): StateStep {
    if (this.#newest && this.#newest.state === state && isSame(input, this.#newest.input)) return this.#newest.step;
    const step = this.#recall(state, input, rested);
    this.#newest = step.fault === undefined ? { state, input, step } : undefined;
    return step;
  }

  #recall(state: ClientState, input: StateInput, rested: Rest | undefined): StateStep {
    const key = keyOf(state, input);
    const known = key === undefined ? undefined : this.#known.get(state);
    const same = key === undefined ? undefined : known?.get(key)?.deref();
    if (same) return same;
    this.#found += 1;
    const step = stepState(state, input);
    const made = isAside(input, step) && !this.#gathers(state, input) ? step : this.#converged(step, rested);
    if (key === undefined || step.fault !== undefined) return made;
    const steps = known ?? new Map<string, WeakRef<StateStep>>();
    if (!known) this.#known.set(state, steps);
    remember(steps, key, new WeakRef(made), MOST_STEPS);
    return made;
  }

  /** True for one in so many publications that follow one another. */
  #gathers({ published: from }: ClientState, { published: to }: Aside): boolean {
    if (!from || !to) return true;
    const place = this.#places.get(to) ?? (this.#places.get(from) ?? 0) + 1;
    this.#places.set(to, place);
    return place % GATHERING === 0;
  }

  #converged(step: StateStep, rested: Rest | undefined): StateStep {
    const { state } = step;
    const rest = this.#restOf(state, rested);
    if (rest && state.published) return { ...step, state: this.#restingAt(rest, state.published, () => state) };
    this.#compared += 1;
    return { ...step, state: converged(state) };
  }

  /**
   * One for all that have come to the same, whatever was published then.
   *
   * @param before as what the client rested last: mostly it comes back to that.
   */
  #restOf(state: ClientState, before: Rest | undefined): Rest | undefined {
    const known = this.#rests.get(state);
    if (known) return known;
    const rest = restOf(state);
    if (!rest) return undefined;
    this.#compared += 1;
    const one = areAlike(rest, before) && before ? before : converged(rest);
    this.#rests.set(state, one);
    return one;
  }

  #restingAt(rest: Rest, published: Snapshot, make = () => restingAt(rest, published)): ClientState {
    const known = this.#woken.get(rest)?.deref();
    if (known?.published === published) return known;
    const state = make();
    this.#rests.set(state, rest);
    this.#woken.set(rest, new WeakRef(state));
    return state;
  }
}

type Aside = StateInput & { readonly kind: 'publication' };

/**
 * True for a publication that does not concern the client: where each asks for names of its own, there are as many states
 * as clients, and keys of all of them would cost more than all else. They converge when the client says something next,
 * or with one of the publications for which all do: a client that is concerned by none says nothing for days.
 */
function isAside(input: StateInput, step: StateStep): input is Aside {
  return input.kind === 'publication' && step.responses.length === 0 && step.timers.length === 0;
}

/** Publications, of which one brings clients together that none of them concerned. */
const GATHERING = 32;

/** Remembered of a state. A fleet does only a few things at a time. */
const MOST_STEPS = 64;
/** What is longer is rare, and dear to look up. */
const MOST_TEXT = 256;
const MOST_STREAMS = 16;
const MOST_NAMES = 4;

/** Of publications and plain acknowledgements; others are looked up. */
function isSame(one: StateInput, other: StateInput): boolean {
  if (one.kind === 'publication') return other.kind === 'publication' && one.published === other.published;
  if (one.kind !== 'sotw' && one.kind !== 'delta') return false;
  if (one.kind !== other.kind || !hasSameStanding(one, other)) return false;
  const [a, b] = [one.request, other.request];
  if (a.answers !== b.answers || a.typeUrl !== b.typeUrl || a.error || b.error) return false;
  if ('names' in a) return 'names' in b && a.names === b.names && a.versionInfo === b.versionInfo;
  return 'subscribe' in b && a.subscribe === b.subscribe && isPlain(a) && isPlain(b);
}

type RequestInput = StateInput & { readonly kind: Variant };

function hasSameStanding(one: RequestInput, other: RequestInput): boolean {
  return one.streamId === other.streamId && one.traits === other.traits && one.published === other.published;
}

function isPlain({ unsubscribe, has }: (StateInput & { readonly kind: 'delta' })['request']): boolean {
  return unsubscribe.length === 0 && has.size === 0;
}

/** Equal for equal inputs only; undefined for what others will hardly be told as well. */
function keyOf(state: ClientState, input: StateInput): string | undefined {
  switch (input.kind) {
    case 'sotw':
    case 'delta':
      return requestKey(state, input);
    case 'publication':
      return `p${numbered(input.published)}`;
    case 'timer':
      return `t${input.id}`;
    case 'gate':
      return input.streams.length > MOST_STREAMS ? undefined : `g${input.open} ${input.streams.join()}`;
    case 'joined':
      return `j${input.stream.streamId} ${input.stream.variant} ${input.stream.impliedType}`;
    case 'left':
      return `l${input.streamId}`;
    case 'retry':
      return undefined;
  }
}

function requestKey(state: ClientState, input: StateInput & { readonly kind: Variant }): string | undefined {
  const { streamId, traits, published, request } = input;
  const { typeUrl, answers } = request;
  const asked = askedIn(input);
  if (request.error || asked === undefined || typeUrl.length + asked.length > MOST_TEXT) return undefined;
  const isKnown = traits === state.traits && published === state.published;
  const standing = isKnown ? '' : `${numbered(traits)}.${numbered(published)}`;
  return `${input.kind} ${streamId} ${answers} ${standing} ${typeUrl.length} ${typeUrl}${asked}`;
}

/** Lists of names are one object wherever they were read, if their bytes are the same. */
function askedIn({ kind, request }: StateInput & { readonly kind: Variant }): string | undefined {
  if (kind === 'sotw') return `${numberOf(request.names)} ${request.versionInfo}`;
  const { subscribe, unsubscribe, has } = request;
  if (has.size > 0 || unsubscribe.length > MOST_NAMES) return undefined;
  return `${numberOf(subscribe)} ${unsubscribe.length > 0 ? JSON.stringify(unsubscribe) : ''}`;
}

function numbered(object: object | undefined): string {
  return object ? String(numberOf(object)) : '-';
}
