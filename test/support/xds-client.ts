import { Client, type ClientDuplexStream, credentials, type StatusObject } from '@grpc/grpc-js';
import { serviceDefinition } from '../../proto/services.ts';
import {
  type DeltaFields,
  type ReadResponse,
  readResponse,
  type SotwFields,
  writeDelta,
  writeSotw,
} from './xds-wire.ts';

const adsName = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

/** One stream to an xDS server. */
export class XdsClient {
  readonly responses: ReadResponse[] = [];
  /** Settles when the stream has ended, with its status. */
  readonly ended: Promise<StatusObject>;
  readonly #variant: 'sotw' | 'delta';
  readonly #client: Client;
  readonly #call: ClientDuplexStream<Buffer, Buffer>;
  #changed: () => void = () => {};

  constructor(
    target: number | Client,
    variant: 'sotw' | 'delta',
    { service = adsName, method }: { readonly service?: string; readonly method?: string } = {},
  ) {
    this.#variant = variant;
    this.#client = typeof target === 'number' ? clientOf(target) : target;
    const path =
      serviceDefinition(service)[
        method ?? (variant === 'sotw' ? 'StreamAggregatedResources' : 'DeltaAggregatedResources')
      ];
    this.#call = this.#client.makeBidiStreamRequest(
      path!.path,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
    );
    this.#call.on('data', (bytes: Buffer) => {
      this.responses.push(readResponse(variant, bytes));
      this.#changed();
    });
    this.#call.on('error', () => {});
    this.ended = new Promise(resolve => this.#call.once('status', resolve));
  }

  /** The connection. */
  get channel(): Client {
    return this.#client;
  }

  /** Another stream on the same connection. */
  another(): XdsClient {
    return new XdsClient(this.#client, this.#variant);
  }

  sotw(fields: SotwFields): void {
    this.#call.write(writeSotw(fields));
  }

  delta(fields: DeltaFields): void {
    this.#call.write(writeDelta(fields));
  }

  raw(bytes: Buffer): void {
    this.#call.write(bytes);
  }

  /** Acknowledges a response, of SotW with these names. */
  ack({ typeUrl, nonce, version }: ReadResponse, names: readonly string[] = []): void {
    if (this.#variant === 'sotw') this.sotw({ typeUrl, nonce, version, names });
    else this.delta({ typeUrl, nonce });
  }

  /** The `count`th response since the start, from 1. */
  async response(count: number): Promise<ReadResponse> {
    for (;;) {
      const found = this.responses[count - 1];
      if (found) return found;
      await new Promise<void>(resolve => {
        this.#changed = resolve;
      });
    }
  }

  /** Stops taking what the server sends. */
  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  end(): void {
    this.#call.end();
    this.#client.close();
  }

  /** Ends the stream alone, as Envoy does: by a reset. */
  leave(): void {
    this.#call.cancel();
  }

  cancel(): void {
    this.#call.cancel();
    this.#client.close();
  }
}

function clientOf(port: number): Client {
  return new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
  });
}
