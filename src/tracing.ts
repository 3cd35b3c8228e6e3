import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { TraceRequest } from './admin/dependencies.ts';
import { makePipeline, type Pipeline } from './control/pipeline.ts';
import type { Fleet } from './fleet/fleet.ts';
import { waitAcked } from './fleet/wait.ts';
import { type FinishedSpan, Otlp, type OtlpOptions } from './otlp.ts';
import type { Board } from './snapshot/board.ts';
import type { Snapshot } from './snapshot/snapshot.ts';

type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Fleets of a change that are followed to their acknowledgements, and of all changes under way. */
const [mostOfAChange, mostUnderWay] = [20, 100];
/** Milliseconds after which acknowledgements are not waited for any more. */
const longestWait = 60_000;

/** A span that goes on. */
class Span {
  readonly #end: (span: FinishedSpan) => void;
  readonly #from = now();
  readonly #parentSpanId: string | undefined;
  readonly traceId: string;
  readonly spanId = randomBytes(8).toString('hex');
  readonly kind: FinishedSpan['kind'];
  name: string;

  constructor(
    name: string,
    parent: Pick<Span, 'traceId' | 'spanId'> | undefined,
    end: (span: FinishedSpan) => void,
    kind: FinishedSpan['kind'] = 'internal',
  ) {
    this.name = name;
    this.kind = kind;
    this.traceId = parent?.traceId ?? randomBytes(16).toString('hex');
    this.#parentSpanId = parent?.spanId;
    this.#end = end;
  }

  end(attributes: Attributes, failed?: string): void {
    const { name, kind, traceId, spanId } = this;
    const parent = this.#parentSpanId === undefined ? {} : { parentSpanId: this.#parentSpanId };
    const times = { from: this.#from, to: now() };
    this.#end({
      traceId,
      spanId,
      ...parent,
      name,
      kind,
      ...times,
      attributes,
      ...(failed === undefined ? {} : { failed }),
    });
  }
}

const now = () => performance.timeOrigin + performance.now();

/**
 * Traces of changes: from a save or a request of the API over its building to the acknowledgements of each fleet. What it
 * tells of never waits for it.
 */
export class Tracing {
  readonly #otlp: Otlp;
  readonly #current = new AsyncLocalStorage<Span>();
  #underWay = 0;

  constructor(options: OtlpOptions) {
    this.#otlp = new Otlp(options);
  }

  close(): Promise<void> {
    return this.#otlp.close();
  }

  /** The stages, each in a span. */
  pipeline(): Pipeline {
    const stages = makePipeline((stage, act) => this.#sync(stage, act));
    return {
      read: documents => this.#sync('read', () => stages.read(documents), { documents: documents.length }),
      build: (input, previous) => this.#sync('build', () => stages.build(input, previous)),
    };
  }

  /** Something that begins a change. */
  async change<T>(name: string, act: () => Promise<T>): Promise<T> {
    const span = this.#begin(name);
    try {
      const result = await this.#current.run(span, act);
      span.end({});
      return result;
    } catch (error) {
      span.end({}, error instanceof Error ? error.name : 'error');
      throw error;
    }
  }

  readonly request: TraceRequest = async ({ method, traceparent, request }, act) => {
    const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(traceparent ?? '') ?? [];
    const parent = traceId !== undefined && spanId !== undefined ? { traceId, spanId } : undefined;
    const span = this.#begin(method, parent, 'server');
    const { route, status } = await this.#current.run(span, act);
    if (route !== undefined) span.name = `${method} ${route}`;
    const about = {
      'http.request.method': method,
      'http.response.status_code': status,
      'switchyard.request': request,
      ...(route === undefined ? {} : { 'http.route': route }),
    };
    span.end(about, status >= 500 ? `status ${status}` : undefined);
  };

  /** Follows each publication to the acknowledgements of the fleets that it changes. Ends with the signal. */
  follow(board: Board, fleet: Fleet, signal: AbortSignal): void {
    let before: ReadonlyMap<string, Snapshot> = board.current?.snapshots ?? new Map();
    const end = board.subscribe(() => {
      const after = board.current?.snapshots ?? new Map<string, Snapshot>();
      const changed = [...after].filter(([key, snapshot]) => before.get(key) !== snapshot);
      before = after;
      const followed = changed.slice(0, Math.max(0, Math.min(mostOfAChange, mostUnderWay - this.#underWay)));
      const publish = this.#begin('publish');
      publish.end({ 'switchyard.fleets': changed.length, 'switchyard.fleets.followed': followed.length });
      // Proxies are told first: what is counted here costs time for each of them.
      for (const [key, snapshot] of followed)
        setImmediate(() => this.#push(publish, key, snapshot, { board, fleet, signal }));
    });
    signal.addEventListener('abort', end, { once: true });
  }

  #push(
    publish: Span,
    key: string,
    snapshot: Snapshot,
    { board, fleet, signal }: { readonly board: Board; readonly fleet: Fleet; readonly signal: AbortSignal },
  ): void {
    const span = this.#begin(`push ${key}`, publish);
    this.#underWay += 1;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(longestWait)]);
    const wait = waitAcked({ fleet, board, targets: new Map([[key, snapshot]]), signal: limit });
    void wait.then(({ concerned, acked, missing }) => {
      this.#underWay -= 1;
      const rejected = missing.filter(each => each.reason === 'rejected').length;
      const about = {
        'switchyard.fleet': key,
        'switchyard.version': snapshot.version,
        'switchyard.proxies': concerned,
        'switchyard.proxies.acked': acked,
        'switchyard.proxies.rejected': rejected,
      };
      const late = missing.length - rejected;
      span.end(
        about,
        rejected > 0 ? `${rejected} rejected it` : late > 0 ? `${late} have not acknowledged it` : undefined,
      );
    });
  }

  #begin(
    name: string,
    parent: Pick<Span, 'traceId' | 'spanId'> | undefined = this.#current.getStore(),
    kind?: FinishedSpan['kind'],
  ): Span {
    return new Span(name, parent, span => this.#otlp.add(span), kind);
  }

  #sync<T>(name: string, act: () => T, attributes: Attributes = {}): T {
    const span = this.#begin(name);
    try {
      return this.#current.run(span, act);
    } finally {
      span.end(attributes);
    }
  }
}
