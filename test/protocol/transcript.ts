import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Publication } from '../../src/snapshot/board.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { type Sets, snapshot, type TypeName, urls } from '../support/xds-fixtures.ts';
import type { ReadResponse } from '../support/xds-wire.ts';

type Variant = 'sotw' | 'delta';

/** `last`: of the type's newest response; `first`: of its first one; anything else as it stands. */
type Nonce = 'last' | 'first' | string;

export interface Sent {
  readonly type: TypeName;
  readonly nonce?: Nonce;
  readonly error?: string;
  /** SotW; `current`: the version that the type has now. */
  readonly names?: readonly string[];
  readonly version?: string;
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly has?: Readonly<Record<string, string>>;
  /** Node id; on the first request it is there unless it is false. */
  readonly node?: string | false;
  /** What the client says that it knows. */
  readonly features?: readonly string[];
}

export interface Expected {
  readonly type: TypeName;
  /** `name=content`, sorted; `~` at the end of what has a time to live. */
  readonly resources?: readonly string[];
  readonly removed?: readonly string[];
  /** `name=code`, sorted. */
  readonly errors?: readonly string[];
}

export type Line =
  | { readonly publish: Sets }
  | { readonly send: Sent }
  /** Exactly these responses come, in this order, and no others. An empty list is silence. */
  | { readonly expect: readonly Expected[] }
  /** Acknowledges the type's newest response, repeating the subscription where the variant asks for it. */
  | { readonly ack: TypeName }
  | { readonly nack: TypeName; readonly error: string }
  /** All running timers run out, but for those of what is rejected. */
  | { readonly timers: true }
  /** The pause is over before what a client may have rejected is tried, which is what `pure` can do. */
  | { readonly pauses: true }
  /** What the client rejected is to be tried again. */
  | { readonly retry: true };

export interface Transcript {
  /** Starts with the rule. */
  readonly name: string;
  readonly variant: Variant;
  readonly lines: readonly Line[];
}

/** Something that speaks with the server, or with its pure part. */
export interface Peer {
  publish(publication: Publication): Promise<void>;
  send(request: Sent & { readonly nonce: string; readonly version: string }): Promise<void>;
  /** What has come since the last call, when all that is under way has come. */
  take(): Promise<readonly ReadResponse[]>;
  runTimers(): Promise<void>;
  /** Absent: pauses are longer than the test. */
  runPauses?(): Promise<void>;
  retry(): Promise<void>;
  end(): Promise<void>;
}

export type Connect = (variant: Variant) => Promise<Peer>;

/** One test per transcript. */
export function runTranscripts(how: string, connect: Connect, transcripts: readonly Transcript[]): void {
  for (const transcript of transcripts) {
    test(`${transcript.name} (${transcript.variant}, ${how})`, { timeout: 10_000 }, async () => {
      const peer = await connect(transcript.variant);
      try {
        await new Conversation(peer).play(transcript.lines);
      } finally {
        await peer.end();
      }
    });
  }
}

class Conversation {
  readonly #peer: Peer;
  readonly #nonces = new Map<TypeName, string[]>();
  readonly #versions = new Map<TypeName, string>();
  readonly #names = new Map<TypeName, readonly string[]>();
  #published: Snapshot | undefined;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  async play(lines: readonly Line[]): Promise<void> {
    for (const [index, line] of lines.entries()) {
      const at = `line ${index + 1}: ${JSON.stringify(line)}`;
      if ('publish' in line) await this.#publish(line.publish);
      else if ('send' in line) await this.#send(line.send);
      else if ('ack' in line) await this.#send(this.#answer(line.ack));
      else if ('nack' in line) await this.#send({ ...this.#answer(line.nack), error: line.error });
      else if ('timers' in line) await this.#peer.runTimers();
      else if ('pauses' in line) await this.#pause();
      else if ('retry' in line) await this.#peer.retry();
      else this.#compare(await this.#peer.take(), line.expect, at);
    }
    this.#compare(await this.#peer.take(), [], 'after the last line');
  }

  async #pause(): Promise<void> {
    assert.ok(this.#peer.runPauses, 'pauses are over only where there is no clock');
    await this.#peer.runPauses();
  }

  #answer(type: TypeName): Sent {
    const names = this.#names.get(type);
    return { type, nonce: 'last', ...(names ? { names } : {}) };
  }

  async #publish(sets: Sets): Promise<void> {
    const next = snapshot('fleet', sets, this.#published);
    this.#published = next;
    const publication: Publication = {
      snapshots: new Map([['fleet', next]]),
      assign: node =>
        node.id.startsWith('stranger')
          ? { kind: 'unmatched', nearest: undefined, why: 'test' }
          : { kind: 'assigned', key: 'fleet' },
    };
    await this.#peer.publish(publication);
  }

  async #send(sent: Sent): Promise<void> {
    const nonces = this.#nonces.get(sent.type) ?? [];
    const named: Record<string, string | undefined> = { last: nonces.at(-1), first: nonces[0] };
    const nonce = sent.nonce === undefined ? '' : (named[sent.nonce] ?? sent.nonce);
    const current = this.#published?.types.get(urls[sent.type])?.version;
    const version = (sent.version === 'current' ? current : sent.version) ?? this.#versions.get(sent.type) ?? '';
    if (sent.names) this.#names.set(sent.type, sent.names);
    await this.#peer.send({ ...sent, nonce, version });
  }

  #compare(responses: readonly ReadResponse[], expected: readonly Expected[], at: string): void {
    const got = responses.map(response => this.#note(response));
    const wanted = expected.map(each => ({ resources: [], removed: [], errors: [], ...each }));
    assert.deepEqual(got, wanted, at);
  }

  #note(response: ReadResponse): Expected {
    const type = (Object.keys(urls) as TypeName[]).find(each => urls[each] === response.typeUrl);
    assert.ok(type, `a response of the unknown type ${response.typeUrl}`);
    const nonces = this.#nonces.get(type) ?? [];
    assert.ok(response.nonce !== '' && !nonces.includes(response.nonce), 'every response has a new nonce (R6)');
    this.#nonces.set(type, [...nonces, response.nonce]);
    this.#versions.set(type, response.version);
    assert.ok(
      response.anyTypes.every(each => each === response.typeUrl),
      'type URLs agree (R2)',
    );
    const names = [...response.resources, ...response.errors].map(each => each.name).concat(response.removed);
    assert.equal(new Set(names).size, names.length, 'no name stands twice in a response (R28)');
    return {
      type,
      resources: response.resources.map(each => `${each.name}=${each.content}${each.limited ? '~' : ''}`).sort(),
      removed: [...response.removed].sort(),
      errors: response.errors.map(({ name, code }) => `${name}=${code}`).sort(),
    };
  }
}
