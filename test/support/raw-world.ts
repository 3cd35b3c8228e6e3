import { type RunningEnvoy, startEnvoy } from '../../envoy/process.ts';
import type { Bootstrap } from '../../proto/gen/envoy.config.bootstrap.v3.ts';
import { Board } from '../../src/snapshot/board.ts';
import { type RawResource, rawSnapshot } from '../../src/snapshot/raw.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { bootstrap, bootstrapDefaults, ownFleet, runtimeLayer } from '../../src/translate/bootstrap.ts';
import type { XdsEvent } from '../../src/xds/events.ts';
import { defaultXdsSettings, XdsService } from '../../src/xds/service.ts';
import { freePort } from './ports.ts';
import { raw } from './raw-resources.ts';
import { until } from './until.ts';
import { publication, type TypeName, urls } from './xds-fixtures.ts';

export interface RawEnvoy {
  readonly variant: 'sotw' | 'delta';
  /** Its node id, beside others in the same world. */
  readonly name?: string;
  /** Another bootstrap than the usual one. */
  readonly change?: (usual: Bootstrap) => Bootstrap;
}

/** What every Envoy asks for by its bootstrap: of what is not there, SotW would have it wait for an answer. */
const askedByAll: readonly RawResource[] = [
  raw('envoy.config.endpoint.v3.ClusterLoadAssignment', ownFleet, { cluster_name: ownFleet }),
  raw('envoy.service.runtime.v3.Runtime', runtimeLayer, { name: runtimeLayer }),
];

/** A board and an xDS server in this process, and the Envoys that they serve: for resources that no policy makes. */
export class RawWorld implements AsyncDisposable {
  /** Everything that the server has told, in order. */
  readonly events: readonly XdsEvent[];
  /** Where the server listens, as a bootstrap has it. */
  readonly xds: string;
  readonly #board: Board;
  readonly #service: XdsService;
  readonly #envoys: RunningEnvoy[] = [];
  #preset = askedByAll;
  #last: Snapshot | undefined;

  private constructor(board: Board, service: XdsService, port: number, events: readonly XdsEvent[]) {
    this.#board = board;
    this.#service = service;
    this.xds = `127.0.0.1:${port}`;
    this.events = events;
  }

  /** @param gateLimit milliseconds that routes wait for clusters. */
  static async start(gateLimit = 5_000): Promise<RawWorld> {
    const [board, events] = [new Board(), [] as XdsEvent[]];
    const order = { gateLimit, linger: 200, grace: 200 };
    const service = new XdsService(board, { ...defaultXdsSettings, port: 0, order }, event => events.push(event));
    return new RawWorld(board, service, await service.listen(), events);
  }

  /** Everyone is to hold exactly these, and empty ones of what every Envoy asks for unless there ever were others. */
  publish(...resources: readonly RawResource[]): void {
    this.#preset = this.#preset.filter(({ name }) => !resources.some(each => each.name === name));
    this.#last = rawSnapshot('fleet', [...this.#preset, ...resources], this.#last);
    this.#board.publish(publication(this.#last));
  }

  /** Resolves when it is ready, which takes a publication. */
  async envoy({ variant, name = variant, change = usual => usual }: RawEnvoy): Promise<RunningEnvoy> {
    const usual = bootstrap({
      node: { id: name, cluster: 'edge' },
      xds: [this.xds],
      variant,
      admin: `127.0.0.1:${await freePort()}`,
      ...bootstrapDefaults,
    });
    const envoy = startEnvoy({ name, bootstrap: change(usual) });
    this.#envoys.push(envoy);
    await envoy.ready(AbortSignal.timeout(30_000));
    return envoy;
  }

  /** The events of a kind that concern a type. */
  told<K extends 'sent' | 'acked' | 'nacked'>(kind: K, type: TypeName): readonly (XdsEvent & { readonly kind: K })[] {
    return this.events.filter(
      (event): event is XdsEvent & { readonly kind: K } => event.kind === kind && event.typeUrl === urls[type],
    );
  }

  /** Waits until responses of a type were sent since `count`, and all of them answered; gives how many there are now. */
  answered(type: TypeName, count: number): Promise<number> {
    return until(`${type} is answered`, () => {
      const sent = this.told('sent', type);
      const answers = new Set([...this.told('acked', type), ...this.told('nacked', type)].map(each => each.nonce));
      return sent.length > count && sent.every(each => answers.has(each.nonce)) ? sent.length : undefined;
    });
  }

  /** Ends the server, and leaves its Envoys alone. */
  async endServer(): Promise<void> {
    await this.#service.close(AbortSignal.timeout(500));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#envoys.map(envoy => envoy.stop()));
    await this.endServer();
  }
}

export const variants = ['sotw', 'delta'] as const;
