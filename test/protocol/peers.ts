import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { serviceDefinition } from '../../proto/services.ts';
import { Board, type Publication } from '../../src/snapshot/board.ts';
import { type ClientInput, Client as PureClient } from '../../src/xds/client.ts';
import type { XdsEvent } from '../../src/xds/events.ts';
import { FrameEncoder } from '../../src/xds/frame.ts';
import { readNode } from '../../src/xds/node-identity.ts';
import { RequestReader } from '../../src/xds/request.ts';
import { XdsService } from '../../src/xds/service.ts';
import { StepMemory } from '../../src/xds/step-memory.ts';
import { urls } from '../support/xds-fixtures.ts';
import { testXdsSettings } from '../support/xds-transport.ts';
import {
  type DeltaFields,
  type ReadResponse,
  readResponse,
  type SotwFields,
  writeDelta,
  writeSotw,
} from '../support/xds-wire.ts';
import type { Connect, Peer, Sent } from './transcript.ts';

const nodeId = 'test-node';

function write(variant: 'sotw' | 'delta', sent: Sent & { nonce: string; version: string }, first: boolean): Buffer {
  const node = sent.node === false ? undefined : (sent.node ?? (first ? nodeId : undefined));
  const fields = { ...sent, error: sent.error, typeUrl: urls[sent.type], node };
  return variant === 'sotw' ? writeSotw(fields as SotwFields) : writeDelta(fields as DeltaFields);
}

/** Longer than any transcript waits: what a client rejects is tried when a transcript says so. */
const [long, longer] = [1_000_000, 10_000_000];

/** The pure stream, without a server, sockets or clock. */
export const pure: Connect = async variant => {
  const frames = new FrameEncoder('test');
  const reader = new RequestReader();
  const stream = { streamId: 1, variant, impliedType: undefined, nonceSalt: 7 };
  const client = new PureClient(
    new StepMemory({
      order: { gateLimit: 1, linger: 1, lingerLimit: 1, grace: 1, reopening: 1 },
      rejection: { pause: long, retryAfter: longer, retryLimit: longer },
    }),
  );
  let came: ReadResponse[] = [];
  let timers: number[] = [];
  let pauses: number[] = [];
  let first = true;
  const step = (input: ClientInput): void => {
    const result = client.step(input);
    for (const { id, afterMs } of result.timers) {
      if (afterMs < long) timers.push(id);
      else if (afterMs < longer) pauses.push(id);
    }
    assert.equal(result.fault, undefined);
    for (const { body, limited, nonce } of result.responses)
      came.push(readResponse(variant, frames.frame(variant, body, limited).withNonce(nonce)));
  };
  step({ kind: 'joined', stream });
  return {
    async publish(publication) {
      step({ kind: 'publication', publication });
    },
    async send(request) {
      const bytes = write(variant, request, first);
      first = false;
      const read = variant === 'sotw' ? reader.sotw(bytes) : reader.delta(bytes);
      const reading = read.node && readNode(read.node);
      const node = reading?.kind === 'node' ? reading.node : undefined;
      step({ kind: variant, streamId: 1, request: read, node } as ClientInput);
    },
    async take() {
      const all = came;
      came = [];
      return all;
    },
    async runTimers() {
      const due = timers;
      timers = [];
      for (const id of due) step({ kind: 'timer', id });
    },
    async runPauses() {
      const due = pauses;
      pauses = [];
      for (const id of due) step({ kind: 'timer', id });
    },
    async retry() {
      step({ kind: 'retry' });
    },
    async end() {},
  };
};

/** Milliseconds: the server's time limits in these tests. */
const limit = 200;

/** The real server over a loopback connection. */
export const loopback: Connect = async variant => {
  const server = new LoopbackServer();
  const port = await server.service.listen();
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  return new LoopbackPeer(variant, server, client, open(client, variant));
};

type Call = ClientDuplexStream<Buffer, Buffer>;

function open(client: Client, variant: 'sotw' | 'delta'): Call {
  const ads = serviceDefinition('envoy.service.discovery.v3.AggregatedDiscoveryService');
  const method = ads[variant === 'sotw' ? 'StreamAggregatedResources' : 'DeltaAggregatedResources']!;
  return client.makeBidiStreamRequest(
    method.path,
    bytes => bytes,
    bytes => bytes,
  );
}

/**
 * Knows when nothing is under way any more: a subscription to a type that nobody has is never answered, but the server
 * tells of it after all that came before, and by then has told of every response that it sent.
 */
class LoopbackPeer implements Peer {
  readonly #variant: 'sotw' | 'delta';
  readonly #server: LoopbackServer;
  readonly #client: Client;
  readonly #call: Call;
  readonly #received = new Set<string>();
  #came: ReadResponse[] = [];
  #barriers = 0;
  #first = true;

  constructor(variant: 'sotw' | 'delta', server: LoopbackServer, client: Client, call: Call) {
    this.#variant = variant;
    this.#server = server;
    this.#client = client;
    this.#call = call;
    call.on('data', (bytes: Buffer) => this.#take(readResponse(variant, bytes)));
    call.on('error', () => {});
  }

  async publish(publication: Publication): Promise<void> {
    if (!this.#first) await this.#settle();
    this.#server.board.publish(publication);
    // Streams are woken in the same turn of the event loop as this.
    await new Promise(resolve => setImmediate(resolve));
  }

  async send(request: Sent & { readonly nonce: string; readonly version: string }): Promise<void> {
    this.#call.write(write(this.#variant, request, this.#first));
    this.#first = false;
  }

  async take(): Promise<readonly ReadResponse[]> {
    if (!this.#first) await this.#settle();
    const all = this.#came;
    this.#came = [];
    return all;
  }

  async runTimers(): Promise<void> {
    await new Promise(resolve => setTimeout(resolve, 3 * limit));
  }

  async retry(): Promise<void> {
    await this.#settle();
    assert.ok(this.#server.service.retry(nodeId));
  }

  async end(): Promise<void> {
    this.#call.end();
    this.#client.close();
    await this.#server.service.close(AbortSignal.timeout(500));
  }

  async #settle(): Promise<void> {
    const names = Array.from({ length: ++this.#barriers }, (_, index) => `barrier-${index}`);
    const typeUrl = 'type.googleapis.com/test.Barrier';
    const fields = { typeUrl, names, subscribe: names };
    this.#call.write(this.#variant === 'sotw' ? writeSotw(fields) : writeDelta(fields));
    await this.#server.until(
      event => event.kind === 'subscribed' && event.typeUrl === typeUrl && event.names === names.length,
    );
    while (!this.#server.nonces.every(nonce => this.#received.has(nonce))) await once(this.#call, 'data');
  }

  #take(response: ReadResponse): void {
    this.#came.push(response);
    this.#received.add(response.nonce);
  }
}

class LoopbackServer {
  readonly board = new Board();
  readonly service: XdsService;
  readonly #events: XdsEvent[] = [];
  #changed: () => void = () => {};

  constructor() {
    const order = { gateLimit: limit, linger: limit, lingerLimit: limit, grace: limit, reopening: limit };
    const settings = { ...testXdsSettings, port: 0, order };
    this.service = new XdsService(this.board, settings, event => {
      this.#events.push(event);
      this.#changed();
    });
  }

  get nonces(): readonly string[] {
    return this.#events.flatMap(event => (event.kind === 'sent' ? [event.nonce] : []));
  }

  async until(wanted: (event: XdsEvent) => boolean): Promise<void> {
    while (!this.#events.some(wanted)) {
      await new Promise<void>(resolve => {
        this.#changed = resolve;
      });
    }
  }
}
