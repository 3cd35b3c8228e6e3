import { type RunningEnvoy, startEnvoy } from '../../envoy/process.ts';
import { systemClock } from '../../src/control/clock.ts';
import { Controller } from '../../src/control/controller.ts';
import { pipeline } from '../../src/control/pipeline.ts';
import { Fleet } from '../../src/fleet/fleet.ts';
import { waitAcked } from '../../src/fleet/wait.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { Board } from '../../src/snapshot/board.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { bootstrap, bootstrapDefaults } from '../../src/translate/bootstrap.ts';
import type { XdsEvent } from '../../src/xds/events.ts';
import { XdsService } from '../../src/xds/service.ts';
import { freePort } from './ports.ts';
import { testXdsSettings } from './xds-transport.ts';

/** An event of a client, and when it came: milliseconds of {@link performance.now}. */
export type TimedEvent = XdsEvent & { readonly at: number };

/** How many of the newest events are kept. */
const keptEvents = 50_000;

/**
 * The way from a policy to the streams in this process, with nothing stored: for tests that want to see each event, and
 * Envoys that are served so.
 */
export class ServedPolicy implements AsyncDisposable {
  readonly fleet = new Fleet();
  readonly envoys: RunningEnvoy[] = [];
  readonly #board = new Board();
  readonly #controller: Controller;
  readonly #port: number;
  #service: XdsService;
  #events: TimedEvent[] = [];

  private constructor(port: number) {
    this.#port = port;
    this.#controller = new Controller({
      store: new MemoryStore(),
      board: this.#board,
      pipeline,
      names: { answers: new Map(), want: () => {}, held: new Map(), accept: () => false, ask: async () => {} },
      clock: systemClock,
      report: (message, error) => {
        throw new Error(message, { cause: error });
      },
      holdOff: () => 0,
    });
    this.#service = this.#made();
  }

  #made(): XdsService {
    return new XdsService(this.#board, { ...testXdsSettings, port: this.#port }, event => {
      this.fleet.apply(event);
      this.#events.push({ ...event, at: performance.now() });
      if (this.#events.length > 2 * keptEvents) this.#events = this.#events.slice(-keptEvents);
    });
  }

  static async start(): Promise<ServedPolicy> {
    const served = new ServedPolicy(await freePort());
    await served.#service.listen();
    return served;
  }

  /** The newest of what streams and clients have told, oldest first. */
  get events(): readonly TimedEvent[] {
    return this.#events;
  }

  /** What fleets are to hold now, by fleet key. */
  get snapshots(): ReadonlyMap<string, Snapshot> {
    return this.#board.current?.snapshots ?? new Map();
  }

  /** Puts a policy in force. @throws Error with the problems where it is not taken. */
  async publish(policy: PolicyInput): Promise<void> {
    const document = { file: 'policy.json', format: 'json', text: JSON.stringify(policy) } as const;
    const about = { author: 'test', source: 'api', reason: 'test' } as const;
    // Tests change policies as nobody would: what they take away is meant so.
    const outcome = await this.#controller.submit([document], about, { allowShrink: true });
    if (outcome.kind === 'rejected') throw new Error(JSON.stringify(outcome.problems));
  }

  /** All streams end at once, and nothing is known of them when they can come back. */
  async outage(meanwhile: () => Promise<void>): Promise<void> {
    await this.#service.close(AbortSignal.abort());
    await meanwhile();
    this.#service = this.#made();
    await this.#service.listen();
  }

  /** Waits until all that are connected have acknowledged what is in force, or `within` milliseconds are over. */
  async acked(within: number): Promise<void> {
    const { fleet, snapshots } = this;
    const signal = AbortSignal.timeout(within);
    const { missing, departed } = await waitAcked({ fleet, board: this.#board, targets: snapshots, signal });
    if (missing.length > 0 || departed.length > 0) throw new Error(JSON.stringify({ missing, departed }));
  }

  /** Starts an Envoy, without waiting for it. Its fleet is found by its name, as node id and cluster. */
  async envoy(name: string, streams: 'ads' | 'perType', variant: 'delta' | 'sotw'): Promise<RunningEnvoy> {
    const admin = `127.0.0.1:${await freePort()}`;
    const options = { node: { id: name, cluster: name }, xds: [`127.0.0.1:${this.#port}`], variant, admin };
    // So long that no request is cut when a listener changes, however slow the machine is.
    const drainSeconds = 20;
    const envoy = startEnvoy({
      name,
      bootstrap: bootstrap({ ...bootstrapDefaults, ...options, streams }),
      drainSeconds,
    });
    this.envoys.push(envoy);
    return envoy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.envoys.map(envoy => envoy.stop()));
    await this.#service.close(AbortSignal.timeout(1000));
    this.#controller.stop();
  }
}
