import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, credentials } from '@grpc/grpc-js';
import { serviceDefinition } from '../../proto/services.ts';
import { Board } from '../../src/snapshot/board.ts';
import { type ClientInput, Client as PureClient } from '../../src/xds/client.ts';
import { discoveryServices } from '../../src/xds/discovery-services.ts';
import { FrameEncoder } from '../../src/xds/frame.ts';
import { readNode } from '../../src/xds/node-identity.ts';
import { RequestReader } from '../../src/xds/request.ts';
import { XdsService } from '../../src/xds/service.ts';
import { StepMemory } from '../../src/xds/step-memory.ts';
import { until } from '../support/until.ts';
import { XdsClient } from '../support/xds-client.ts';
import { publication, type Sets, snapshot, type TypeName, urls } from '../support/xds-fixtures.ts';
import { unary } from '../support/xds-server.ts';
import { testXdsSettings } from '../support/xds-transport.ts';
import { type ReadResponse, readResponse, writeDelta, writeSotw } from '../support/xds-wire.ts';

export type Variant = 'sotw' | 'delta';

/** A request on a stream, which is opened at its first one. */
interface Ask {
  readonly ask: string;
  readonly type: TypeName;
  readonly names?: readonly string[];
  /** A stream of all types. */
  readonly ads?: true;
  readonly connection?: string;
  readonly node?: string;
  /** Delta: versions that the client has from before. */
  readonly has?: Readonly<Record<string, string>>;
  readonly userAgent?: string;
}

/** What is said on a stream, which has a name of the test's. */
export type Line =
  | { readonly publish: Sets }
  | Ask
  /** Acknowledges the stream's newest response, of the type where it has several. */
  | { readonly ack: string; readonly type?: TypeName }
  | { readonly nack: string }
  | { readonly close: string }
  /** Exactly these come, in any order between streams, as `stream: name=content ~removed`. */
  | { readonly expect: readonly string[] }
  /** All running timers run out, which leads to something. */
  | { readonly timers: true };

interface Opened {
  readonly name: string;
  readonly ads: boolean;
  readonly connection: string;
  readonly type: TypeName;
}

interface Peer {
  publish(sets: Sets): void;
  write(stream: Opened, bytes: Buffer): void;
  close(stream: Opened): void;
  /** What has come since the last call, when all that is under way has come. */
  take(): Promise<readonly (readonly [string, ReadResponse])[]>;
  runTimers(): Promise<void>;
  end(): Promise<void>;
}

/** Longer than any of these tests waits: what a client rejects is tried again by tests of their own. */
const long = 1_000_000;
const rejection = { pause: long, retryAfter: long, retryLimit: long };

/** The pure client; all streams are its own. */
function pure(variant: Variant): Peer {
  const frames = new FrameEncoder('test');
  const reader = new RequestReader();
  const ids = new Map<string, number>();
  const order = { gateLimit: 1, linger: 1, lingerLimit: 1, grace: 1, reopening: 1 };
  const client = new PureClient(new StepMemory({ order, rejection }));
  let published: ReturnType<typeof snapshot> | undefined;
  let came: [string, ReadResponse][] = [];
  let timers: number[] = [];
  const step = (input: ClientInput): void => {
    const result = client.step(input);
    assert.equal(result.fault, undefined);
    timers.push(...result.timers.flatMap(each => (each.afterMs < long ? [each.id] : [])));
    for (const { streamId, body, nonce } of result.responses) {
      const name = [...ids].find(([, id]) => id === streamId)?.[0] ?? '';
      came.push([name, readResponse(variant, frames.frame(variant, body, false).withNonce(nonce))]);
    }
  };
  return {
    publish(sets) {
      published = snapshot('fleet', sets, published);
      step({ kind: 'publication', publication: publication(published) });
    },
    write({ name, ads, type }, bytes) {
      const streamId = ids.get(name) ?? ids.size + 1;
      if (!ids.has(name)) {
        ids.set(name, streamId);
        const impliedType = ads ? undefined : urls[type];
        step({ kind: 'joined', stream: { streamId, variant, impliedType, nonceSalt: 7 } });
      }
      const read = variant === 'sotw' ? reader.sotw(bytes) : reader.delta(bytes);
      const reading = read.node && readNode(read.node);
      const node = reading?.kind === 'node' ? reading.node : undefined;
      step({ kind: variant, streamId, request: read, node } as ClientInput);
    },
    close: ({ name }) => step({ kind: 'left', streamId: ids.get(name) ?? 0 }),
    async take() {
      const all = came;
      came = [];
      return all;
    },
    async runTimers() {
      // Some that run out start others.
      for (let round = 0; round < 4 && came.length === 0; round++) {
        const due = timers;
        timers = [];
        for (const id of due) step({ kind: 'timer', id });
      }
    },
    async end() {},
  };
}

/** Milliseconds: the server's time limits over loopback, longer than anything takes that is not to be cut by them. */
const limit = 800;
/** As many answers to other calls on a connection as it takes for what was written before them to be dealt with. */
const turns = 4;

/** The real server, over as many connections as the test names. */
async function loopback(variant: Variant): Promise<Peer> {
  const board = new Board();
  const order = { gateLimit: limit, linger: limit, lingerLimit: limit, grace: limit, reopening: limit };
  const service = new XdsService(board, { ...testXdsSettings, port: 0, order, rejection }, () => {});
  const port = await service.listen();
  const connections = new Map<string, Client>();
  const streams = new Map<string, XdsClient>();
  const taken = new Map<string, number>();
  let published: ReturnType<typeof snapshot> | undefined;
  const connect = (name: string): Client => {
    const made =
      connections.get(name) ??
      new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    connections.set(name, made);
    return made;
  };
  const check = serviceDefinition('grpc.health.v1.Health')['Check']!.path;
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < turns; turn++) {
      await Promise.all([...connections.values()].map(client => unary(client, check, Buffer.alloc(0))));
      await new Promise(resolve => setImmediate(resolve));
    }
  };
  return {
    publish(sets) {
      published = snapshot('fleet', sets, published);
      board.publish(publication(published));
    },
    write({ name, ads, connection, type }, bytes) {
      const known = streams.get(name);
      const row = discoveryServices.find(each => each.impliedType === (ads ? undefined : urls[type]));
      const method = Object.entries(row?.methods ?? {}).find(([, spoken]) => spoken === variant)?.[0];
      assert.ok(row && method);
      const stream = known ?? new XdsClient(connect(connection), variant, { service: row.service, method });
      streams.set(name, stream);
      stream.raw(bytes);
    },
    close: ({ name }) => streams.get(name)?.leave(),
    async take() {
      await settle();
      return [...streams].flatMap(([name, { responses }]) => {
        const fresh = responses.slice(taken.get(name) ?? 0);
        taken.set(name, responses.length);
        return fresh.map(each => [name, each] as const);
      });
    },
    async runTimers() {
      await settle();
      const came = () => [...streams.values()].reduce((sum, each) => sum + each.responses.length, 0);
      const before = came();
      await until('a time limit has led to something', () => came() > before);
    },
    async end() {
      for (const stream of streams.values()) stream.leave();
      for (const client of connections.values()) client.close();
      await service.close(AbortSignal.timeout(300));
    },
  };
}

class Conversation {
  readonly #variant: Variant;
  readonly #peer: Peer;
  readonly #streams = new Map<string, Opened>();
  /** By stream and type: what it asked for, and what it was sent last. */
  readonly #names = new Map<string, readonly string[]>();
  readonly #newest = new Map<string, ReadResponse>();

  constructor(variant: Variant, peer: Peer) {
    this.#variant = variant;
    this.#peer = peer;
  }

  async play(lines: readonly Line[]): Promise<void> {
    for (const [index, line] of lines.entries()) {
      const at = `line ${index + 1}: ${JSON.stringify(line)}`;
      if ('publish' in line) {
        this.#note(await this.#peer.take(), [], at);
        this.#peer.publish(line.publish);
      } else if ('ask' in line) this.#ask(line);
      else if ('ack' in line) this.#answer(line.ack, line.type, undefined, at);
      else if ('nack' in line) this.#answer(line.nack, undefined, 'no', at);
      else if ('close' in line) this.#peer.close(this.#streams.get(line.close)!);
      else if ('timers' in line) await this.#peer.runTimers();
      else this.#note(await this.#peer.take(), line.expect, at);
    }
    this.#note(await this.#peer.take(), [], 'after the last line');
  }

  #ask({ ask, type, names = [], ads, connection = 'one', node = 'test-node', has, userAgent }: Ask): void {
    const first = !this.#streams.has(ask);
    const stream = this.#streams.get(ask) ?? { name: ask, ads: ads === true, connection, type };
    this.#streams.set(ask, stream);
    this.#names.set(`${ask} ${type}`, names);
    const nonce = this.#newest.get(`${ask} ${type}`)?.nonce ?? '';
    const identity = first ? { node, userAgent } : {};
    const fields = { typeUrl: urls[type], names, subscribe: names, nonce, has, ...identity };
    this.#peer.write(stream, this.#variant === 'sotw' ? writeSotw(fields) : writeDelta(fields));
  }

  #answer(name: string, type: TypeName | undefined, error: string | undefined, at: string): void {
    const stream = this.#streams.get(name)!;
    const key = `${name} ${type ?? stream.type}`;
    const response = this.#newest.get(key);
    assert.ok(response, at);
    const { typeUrl, nonce, version } = response;
    const fields = { typeUrl, nonce, ...(error === undefined ? {} : { error }) };
    const names = this.#names.get(key) ?? [];
    this.#peer.write(stream, this.#variant === 'sotw' ? writeSotw({ ...fields, version, names }) : writeDelta(fields));
  }

  #note(came: readonly (readonly [string, ReadResponse])[], expected: readonly string[], at: string): void {
    const got = came.map(([name, response]) => {
      const type = (Object.keys(urls) as TypeName[]).find(each => urls[each] === response.typeUrl);
      this.#newest.set(`${name} ${type}`, response);
      const contents = [
        ...response.resources.map(each => `${each.name}=${each.content}`).sort(),
        ...[...response.removed].sort().map(each => `~${each}`),
      ];
      return `${name}: ${contents.join(' ')}`;
    });
    assert.deepEqual(got.sort(), [...expected].sort(), at);
  }
}

/** A test on the pure client and one over loopback; `loopback` alone where several clients are meant. */
export function conversation(
  name: string,
  variants: readonly Variant[],
  lines: (variant: Variant) => readonly Line[],
  on: readonly ('pure' | 'loopback')[] = ['pure', 'loopback'],
): void {
  for (const variant of variants) {
    for (const how of on) {
      test(`${name} (${variant}, ${how})`, { timeout: 15_000 }, async () => {
        const peer = how === 'pure' ? pure(variant) : await loopback(variant);
        try {
          await new Conversation(variant, peer).play(lines(variant));
        } finally {
          await peer.end();
        }
      });
    }
  }
}
