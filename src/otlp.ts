/** Something that took a while. */
export interface FinishedSpan {
  /** Hexadecimal. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: 'internal' | 'server';
  /** Milliseconds since the epoch, with fractions. */
  readonly from: number;
  readonly to: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** Why it failed. */
  readonly failed?: string;
}

export interface OtlpOptions {
  /** Where spans are taken: `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  /** Sent along; they may bear secrets, and are never told of. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the server is called in traces. */
  readonly service: string;
  readonly version: string;
  /** Is told that spans could not be sent. */
  readonly report: (message: string) => void;
  readonly timing?: Partial<typeof usual>;
}

/** Milliseconds: between two sendings, the longest between two tries, for one of them, and between two words about failures. */
const usual = { every: 1000, longest: 30_000, patience: 5000, quiet: 60_000 };
/** Spans that wait, beyond which the oldest are dropped, and those of one sending. */
const [mostWaiting, mostAtOnce] = [2048, 512];

/**
 * Sends spans to a collector by OTLP over HTTP, in JSON. Nobody waits for it: spans queue up to a bound, and what a
 * collector that is away does not take is tried again, more and more seldom.
 */
export class Otlp {
  readonly #options: OtlpOptions;
  readonly #timing: typeof usual;
  readonly #waiting: FinishedSpan[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #failures = 0;
  #dropped = 0;
  #told = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: OtlpOptions) {
    this.#options = options;
    this.#timing = { ...usual, ...options.timing };
  }

  /** Returns at once and never throws. */
  add(span: FinishedSpan): void {
    if (this.#closed) return;
    this.#waiting.push(span);
    if (this.#waiting.length > mostWaiting) {
      this.#waiting.shift();
      this.#dropped += 1;
    }
    this.#schedule();
  }

  /** Sends what waits, in one try. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#sending;
    if (this.#waiting.length > 0 && this.#failures === 0) await this.#send(Math.min(1000, this.#timing.patience));
  }

  #schedule(): void {
    if (this.#timer || this.#sending || this.#closed || this.#waiting.length === 0) return;
    const { every, longest, patience } = this.#timing;
    const wait = Math.min(longest, every * 2 ** this.#failures);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#sending = this.#send(patience).finally(() => {
        this.#sending = undefined;
        this.#schedule();
      });
    }, wait).unref();
  }

  /** Never rejects. */
  async #send(patience: number): Promise<void> {
    const { url, headers, report } = this.#options;
    const batch = this.#waiting.splice(0, mostAtOnce);
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(this.#body(batch)),
        redirect: 'error',
        signal: AbortSignal.timeout(patience),
      });
      await response.body?.cancel();
      // What is wrong with these spans would be wrong with them the next time, too.
      const hopeless = response.status >= 400 && response.status < 500 && response.status !== 429;
      if (response.ok || hopeless) this.#failures = 0;
      if (!response.ok) throw new Error(`it answers ${response.status}`, { cause: hopeless ? 'hopeless' : undefined });
    } catch (error) {
      const { cause, message } = error as Error;
      if (cause === 'hopeless') this.#dropped += batch.length;
      else {
        this.#failures += 1;
        const room = mostWaiting - this.#waiting.length;
        this.#dropped += Math.max(0, batch.length - room);
        this.#waiting.unshift(...batch.slice(Math.max(0, batch.length - room)));
      }
      const now = performance.now();
      if (now - this.#told < this.#timing.quiet) return;
      this.#told = now;
      const reason = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : message;
      report(`traces cannot be sent to ${new URL(url).host}: ${reason}; ${this.#dropped} spans were dropped so far`);
    }
  }

  #body(spans: readonly FinishedSpan[]): object {
    const { service, version } = this.#options;
    const resource = { attributes: attributesOf({ 'service.name': service, 'service.version': version }) };
    const scopeSpans = [{ scope: { name: 'switchyard', version }, spans: spans.map(spanJson) }];
    return { resourceSpans: [{ resource, scopeSpans }] };
  }
}

const kinds = { internal: 1, server: 2 } as const;

function spanJson({ from, to, kind, attributes, failed, ...ids }: FinishedSpan): object {
  return {
    ...ids,
    kind: kinds[kind],
    startTimeUnixNano: nanos(from),
    endTimeUnixNano: nanos(to),
    attributes: attributesOf(attributes),
    status: failed === undefined ? {} : { code: 2, message: failed },
  };
}

/** More digits than a number has. */
const nanos = (ms: number): string => String(BigInt(Math.round(ms * 1000)) * 1000n);

function attributesOf(attributes: FinishedSpan['attributes']): readonly object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: wrapped(value) }));
}

function wrapped(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
