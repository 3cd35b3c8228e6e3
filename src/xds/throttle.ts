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
  /** Whose reading is held up. */
  readonly #paused = new Set<Bucket>();
  #timer: NodeJS.Timeout | undefined;
  /** So many ticks have passed while some stream might not have had its whole burst, */
  #ticks = 0;
  /** and by this one all will have it again, unless one is used before. */
  #full = 0;

  constructor(limits: Pick<XdsLimits, 'requests' | 'requestBurst'>) {
    this.#limits = limits;
  }

  get limits(): Pick<XdsLimits, 'requests' | 'requestBurst'> {
    return this.#limits;
  }

  get ticks(): number {
    return this.#ticks;
  }

  /** @param held is told when a stream is held up. */
  bucket(reading: Reading, held: () => void): Bucket {
    return new Bucket(this, reading, held);
  }

  /** @param ticks until the one that was used has its whole burst again */
  used(ticks: number): void {
    const full = this.#ticks + Math.ceil(ticks);
    if (full > this.#full) this.#full = full;
    this.#timer ??= setInterval(() => this.#tick(), TICK).unref();
  }

  paused(bucket: Bucket): void {
    this.#paused.add(bucket);
  }

  /** It is held up no more. */
  released(bucket: Bucket): void {
    this.#paused.delete(bucket);
  }

  #tick(): void {
    this.#ticks += 1;
    for (const bucket of [...this.#paused]) bucket.tryReading();
    if (this.#ticks < this.#full) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** Milliseconds. */
const TICK = 100;

/** What a stream may say now. What it has been given since is counted when it says something: most do seldom. */
export class Bucket {
  readonly #throttle: Throttle;
  readonly #reading: Reading;
  readonly #held: () => void;
  #left: number;
  /** Tick of the throttle when that was so. */
  #at: number;
  #paused = false;
  #ended = false;

  constructor(throttle: Throttle, reading: Reading, held: () => void) {
    this.#throttle = throttle;
    this.#left = throttle.limits.requestBurst;
    this.#at = throttle.ticks;
    this.#reading = reading;
    this.#held = held;
  }

  /** A request was read. */
  take(): void {
    if (this.#ended) return;
    this.#fill();
    this.#left--;
    const { requests, requestBurst } = this.#throttle.limits;
    this.#throttle.used((requestBurst - this.#left) / perTick(requests));
    if (this.#left >= 1 || this.#paused) return;
    this.#paused = true;
    this.#throttle.paused(this);
    this.#reading.pause();
    this.#held();
  }

  /** The stream has ended. */
  end(): void {
    this.#ended = true;
    this.#throttle.released(this);
  }

  /** Goes on reading if it may: of what waits, requests come before this returns, and may hold it up again. */
  tryReading(): void {
    this.#fill();
    if (this.#left < 1 || this.#ended) return;
    this.#paused = false;
    this.#throttle.released(this);
    this.#reading.resume();
  }

  #fill(): void {
    const { ticks, limits } = this.#throttle;
    if (ticks === this.#at) return;
    this.#left = Math.min(limits.requestBurst, this.#left + (ticks - this.#at) * perTick(limits.requests));
    this.#at = ticks;
  }
}

function perTick(requests: number): number {
  return (requests * TICK) / 1000;
}

/** Why a stream is read no further for now. */
export function tooFast(limits: XdsLimits): LimitError {
  return beyond(limits, 'requests', 'requests of a stream wait');
}
