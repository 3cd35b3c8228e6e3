import { type RunningEnvoy, startEnvoy } from '../../envoy/process.ts';
import type { Bootstrap } from '../../proto/gen/envoy.config.bootstrap.v3.ts';
import { Board } from '../../src/snapshot/board.ts';
import { type RawResource, rawSnapshot } from '../../src/snapshot/raw.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { bootstrap, bootstrapDefaults, ownFleet, runtimeLayer } from '../../src/translate/bootstrap.ts';
import type { XdsEvent } from '../../src/xds/events.ts';
import { XdsService, type XdsServiceSettings } from '../../src/xds/service.ts';
import { freePort } from './ports.ts';
import { raw } from './raw-resources.ts';
import { until } from './until.ts';
import { publication, type TypeName, urls } from './xds-fixtures.ts';
import { testXdsSettings } from './xds-transport.ts';

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
  readonly events: XdsEvent[] = [];
  /** Where the server listens, as a bootstrap has it. */
  readonly xds: string;
  readonly #board: Board;
  readonly #settings: XdsServiceSettings;
  #service: XdsService;
  readonly #envoys: RunningEnvoy[] = [];
  #preset = askedByAll;
  #last: Snapshot | undefined;

  private constructor(board: Board, settings: XdsServiceSettings) {
    this.#board = board;
    this.#settings = settings;
    this.#service = this.#serve();
    this.xds = `${settings.host}:${settings.port}`;
  }

  /** @param gateLimit milliseconds that routes wait for clusters. */
  static async start(gateLimit = 5_000): Promise<RawWorld> {
    const order = { gateLimit, linger: 200, grace: 200, reopening: 200, lingerLimit: 5_000 };
    const world = new RawWorld(new Board(), { ...testXdsSettings, port: await freePort(), order });
    await world.#service.listen();
    return world;
  }

  #serve(): XdsService {
    return new XdsService(this.#board, this.#settings, event => this.events.push(event));
  }

  get envoys(): readonly RunningEnvoy[] {
    return this.#envoys;
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

  /**
   * Another server takes the place of this one, and knows nothing of its streams. Resolves when the Envoys are back.
   *
   * @param meanwhile what happens while there is no server.
   */
  async restartServer(meanwhile: () => void = () => {}): Promise<void> {
    await this.endServer();
    meanwhile();
    const before = this.events.length;
    this.#service = this.#serve();
    await this.#service.listen();
    const back = () =>
      new Set(this.events.slice(before).flatMap(each => (each.kind === 'identified' ? [each.node.id] : [])));
    await until('all are back', () => back().size === this.#envoys.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#envoys.map(envoy => envoy.stop()));
    await this.endServer();
  }
}

export const variants = ['sotw', 'delta'] as const;
