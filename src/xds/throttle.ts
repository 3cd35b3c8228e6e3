import { beyond, type LimitError, type XdsLimits } from './limits.ts';

/** A stream, whose reading can be held up. */
interface Reading {
  pause(): void;
  resume(): void;
}

/**
 * How fast requests of a stream are read (R49): as many at once as `requestBurst`, on average `requests` a second. Those
 * beyond wait with the client, by the flow control of HTTP/2; none is dropped.
 */
export class Throttle {
  readonly #limits: Pick<XdsLimits, 'requests' | 'requestBurst'>;
  /** That may not have a whole burst now. */
  readonly #used = new Set<Bucket>();
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: Pick<XdsLimits, 'requests' | 'requestBurst'>) {
    this.#limits = limits;
  }

  /** @param held is told when a stream is held up. */
  bucket(reading: Reading, held: () => void): Bucket {
    return new Bucket(this.#limits.requestBurst, reading, held, {
      used: bucket => this.#use(bucket),
      ended: bucket => this.#used.delete(bucket),
    });
  }

  #use(bucket: Bucket): void {
    this.#used.add(bucket);
    this.#timer ??= setInterval(() => this.#fill(), TICK).unref();
  }

  #fill(): void {
    for (const bucket of this.#used) if (bucket.fill((this.#limits.requests * TICK) / 1000)) this.#used.delete(bucket);
    if (this.#used.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** Milliseconds. */
const TICK = 100;

interface Owner {
  used(bucket: Bucket): void;
  ended(bucket: Bucket): unknown;
}

/** What a stream may say now. */
export class Bucket {
  readonly #most: number;
  readonly #reading: Reading;
  readonly #held: () => void;
  readonly #owner: Owner;
  #left: number;
  #paused = false;
  #used = false;
  #ended = false;

  constructor(most: number, reading: Reading, held: () => void, owner: Owner) {
    this.#most = most;
    this.#left = most;
    this.#reading = reading;
    this.#held = held;
    this.#owner = owner;
  }

  /** A request was read. */
  take(): void {
    if (this.#ended) return;
    this.#left--;
    if (!this.#used) {
      this.#used = true;
      this.#owner.used(this);
    }
    if (this.#left >= 1 || this.#paused) return;
    this.#paused = true;
    this.#reading.pause();
    this.#held();
  }

  /** The stream has ended. */
  end(): void {
    this.#ended = true;
    this.#owner.ended(this);
  }

  /** @returns whether it is full. */
  fill(requests: number): boolean {
    this.#left = Math.min(this.#most, this.#left + requests);
    if (this.#paused && this.#left >= 1) {
      this.#paused = false;
      this.#reading.resume();
    }
    this.#used = this.#left < this.#most;
    return !this.#used;
  }
}

/** Why a stream is read no further for now. */
export function tooFast(limits: XdsLimits): LimitError {
  return beyond(limits, 'requests', 'requests of a stream wait');
}
