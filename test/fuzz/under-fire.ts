import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import type { TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { seeded } from '../protocol/seeded.ts';
import { Chance } from '../support/chance.ts';
import { until } from '../support/until.ts';
import { XdsClient } from '../support/xds-client.ts';
import { urls } from '../support/xds-fixtures.ts';
import type { Counts, Order } from './server.ts';

/** Milliseconds that something may take on a machine that is busy with the attack itself, and with other tests. */
const PATIENCE = 30_000;

/** Bytes that may be in use beyond what was before an attack: caches, code and what the allocator keeps. */
const ROOM = 48 * 1024 * 1024;

/** A server in a process of its own, and a client of it that must not notice what others do. */
export class UnderFire {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #waiting: Map<number, (answer: unknown) => void>;
  readonly #good: XdsClient;
  readonly #died: Promise<never>;
  #ended: string | undefined;
  #orders = 0;
  #published = 0;
  /** One comes after the other, whoever asks for them. */
  #updated: Promise<void> = Promise.resolve();

  private constructor(child: ChildProcess, port: number, waiting: Map<number, (answer: unknown) => void>) {
    this.#child = child;
    this.#waiting = waiting;
    this.port = port;
    this.#good = new XdsClient(port, 'delta');
    void this.#good.ended.then(({ code, details }) => {
      this.#ended = `${code} ${details}`;
    });
    this.#died = new Promise((_, reject) => {
      child.once('exit', (code, signal) => reject(new Error(`the server ended with ${code ?? signal}`)));
    });
    this.#died.catch(() => {});
  }

  static async start(): Promise<UnderFire> {
    const child = fork(new URL('server.ts', import.meta.url), { execArgv: ['--max-old-space-size=1024'] });
    const waiting = new Map<number, (answer: unknown) => void>();
    const port = await new Promise<number>((resolve, reject) => {
      waiting.set(0, answer => resolve(answer as number));
      child.once('exit', code => reject(new Error(`the server ended with ${code}`)));
      child.on('message', ({ id, answer }: { readonly id: number; readonly answer: unknown }) => {
        waiting.get(id)?.(answer);
        waiting.delete(id);
      });
    });
    const fire = new UnderFire(child, port, waiting);
    await fire.#update();
    return fire;
  }

  async #order(order: Order): Promise<unknown> {
    assert.equal(this.#child.exitCode ?? this.#child.signalCode, null, 'the server has ended');
    const id = ++this.#orders;
    const answered = new Promise(resolve => this.#waiting.set(id, resolve));
    this.#child.send({ id, order });
    return await Promise.race([answered, this.#died]);
  }

  async counts(): Promise<Counts> {
    return (await this.#order({ kind: 'counts' })) as Counts;
  }

  /** How many updates there were. */
  get published(): number {
    return this.#published;
  }

  /** Publishes something of so many bytes, and waits until the client has it. */
  #update(bytes?: number): Promise<void> {
    const updated = this.#updated.then(() => this.#publish(bytes));
    this.#updated = updated.catch(() => {});
    return updated;
  }

  async #publish(bytes = 10): Promise<void> {
    const count = ++this.#published;
    const content = String(count).padEnd(bytes, ' ');
    const before = this.#good.responses.length;
    await this.#order({ kind: 'publish', content });
    if (count === 1) this.#good.delta({ typeUrl: urls.CDS, node: 'good' });
    const late = new AbortController();
    const found = await Promise.race([
      this.#good.response(before + 1),
      pause(PATIENCE, undefined, { signal: late.signal }),
      this.#died,
    ]);
    late.abort();
    assert.ok(found, `update ${count} has not come; ${this.#ended ?? 'the stream is there'}`);
    assert.equal(found.resources[0]?.content.trim(), String(count));
    this.#good.ack(found);
    assert.equal(this.#good.responses.length, before + 1, 'it is sent every update, once');
  }

  /** Has so many updates made, of so many bytes each. */
  async updates(count: number, bytes: number): Promise<void> {
    for (let times = 0; times < count; times++) await this.#update(bytes);
  }

  /**
   * While an attack goes on, updates reach the client; when it is over, nothing of it is left: no stream, client or
   * connection, and no memory.
   *
   * @param bytes of each update.
   */
  async survives(t: TestContext, attack: (chance: Chance) => Promise<void>, bytes?: number): Promise<void> {
    const { seed } = seeded(1);
    t.diagnostic(`SEED=${seed}`);
    const before = await this.counts();
    let over = false;
    const updating = (async () => {
      do {
        await this.#update(bytes);
        await pause(20);
      } while (!over);
    })();
    try {
      await attack(new Chance(seed));
    } finally {
      over = true;
      await updating;
    }
    await until(
      `what the attacker had is forgotten`,
      async () => {
        const now = await this.counts();
        const { streams, connections, clients } = now;
        const left = { streams, connections, clients };
        assert.deepEqual(left, { streams: before.streams, connections: before.connections, clients: before.clients });
        assert.ok(now.memory < before.memory + ROOM, `${now.memory - before.memory} bytes more are in use`);
        return true;
      },
      PATIENCE,
    );
    await this.#update();
  }

  async end(): Promise<void> {
    this.#good.cancel();
    const exited = new Promise(resolve => this.#child.once('exit', resolve));
    this.#child.send({ id: -1, order: { kind: 'end' } satisfies Order });
    await exited;
  }
}
