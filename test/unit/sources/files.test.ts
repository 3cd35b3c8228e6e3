import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Problem } from '../../../src/base/problem.ts';
import { followPolicyFiles, type PolicySink } from '../../../src/sources/files.ts';
import type { StoredDocument } from '../../../src/store/store.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

/** Remembers what it was given. */
class Recorder implements PolicySink {
  readonly submits: (readonly StoredDocument[])[] = [];
  readonly rejects: (readonly Problem[])[] = [];
  failures = 0;

  async submit(documents: readonly StoredDocument[]): Promise<void> {
    if (this.failures > 0) {
      this.failures--;
      throw new Error('the disk is full');
    }
    this.submits.push(documents);
  }

  reject(problems: readonly Problem[]): void {
    this.rejects.push(problems);
  }

  get texts(): readonly string[] | undefined {
    return this.submits.at(-1)?.map(each => each.text);
  }
}

const running: { readonly stop: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
});

function follow(path: string, poll = 1000) {
  const sink = new Recorder();
  const stopped = new AbortController();
  const reports: string[] = [];
  const done = followPolicyFiles(path, sink, {
    signal: stopped.signal,
    report: message => reports.push(message),
    timing: { retry: 20, poll },
  });
  const stop = async () => {
    stopped.abort();
    await done;
  };
  running.push({ stop });
  const sees = (texts: readonly string[]) =>
    until(`submit of ${texts}`, () => JSON.stringify(sink.texts) === JSON.stringify(texts));
  return { sink, reports, stop, sees };
}

const fileWith = (text: string): string => {
  const file = join(temporaryDirectory(), 'policy.yaml');
  writeFileSync(file, text);
  return file;
};

describe('following policy files', () => {
  it('submits what is there at the start, then every save', async () => {
    const file = fileWith('a');
    const { sees, sink } = follow(file);
    await sees(['a']);
    writeFileSync(file, 'b');
    await sees(['b']);
    assert.equal(sink.submits.length, 2);
  });

  it('follows a save without having to look', async () => {
    const file = fileWith('a');
    const { sees } = follow(file, 60_000);
    await sees(['a']);
    const begun = performance.now();
    writeFileSync(file, 'b');
    await sees(['b']);
    // It would look after a minute.
    assert.ok(performance.now() - begun < 20_000, `took ${performance.now() - begun} ms`);
  });

  it('sees an editor that renames a new file over the old one, again and again', async () => {
    const file = fileWith('0');
    const { sees } = follow(file);
    await sees(['0']);
    for (let n = 1; n <= 3; n++) {
      writeFileSync(`${file}.tmp`, String(n));
      renameSync(`${file}.tmp`, file);
      await sees([String(n)]);
    }
  });

  it('sees an editor that moves the old file away first', async () => {
    const file = fileWith('a');
    const { sees, sink } = follow(file);
    await sees(['a']);
    renameSync(file, `${file}~`);
    await sleep(100);
    writeFileSync(file, 'b');
    await sees(['b']);
    assert.deepEqual(sink.rejects, [], 'the moment between was not taken for a deletion');
  });

  it('waits for a save that is written in pieces', async () => {
    const file = fileWith('old');
    const { sees, sink } = follow(file);
    await sees(['old']);
    writeFileSync(file, '');
    await sleep(100);
    for (const piece of ['one', ' two', ' three']) {
      appendFileSync(file, piece);
      await sleep(10);
    }
    await sees(['one two three']);
    assert.deepEqual(
      sink.submits.map(each => each[0]?.text),
      ['old', 'one two three'],
    );
  });

  it('does not take a file that stays empty for a policy', async () => {
    const file = fileWith('old');
    const { sees, sink } = follow(file);
    await sees(['old']);
    writeFileSync(file, '');
    const problems = await until('reject', () => sink.rejects.at(-1));
    assert.match(problems[0]!.message, /is empty/);
    assert.equal(sink.submits.length, 1);
  });

  it('sees files come and go in a folder', async () => {
    const folder = temporaryDirectory();
    writeFileSync(join(folder, 'a.yaml'), 'a');
    const { sees } = follow(folder);
    await sees(['a']);
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'sub', 'b.yaml'), 'b');
    await sees(['a', 'b']);
    unlinkSync(join(folder, 'a.yaml'));
    await sees(['b']);
  });

  it('sees a mounted volume swap its data', async () => {
    const folder = temporaryDirectory();
    for (const version of ['v1', 'v2']) {
      mkdirSync(join(folder, `..${version}`));
      writeFileSync(join(folder, `..${version}`, 'policy.yaml'), version);
    }
    symlinkSync('..v1', join(folder, '..data'));
    symlinkSync('..data/policy.yaml', join(folder, 'policy.yaml'));
    const { sees } = follow(folder);
    await sees(['v1']);
    symlinkSync('..v2', join(folder, '..next'));
    renameSync(join(folder, '..next'), join(folder, '..data'));
    await sees(['v2']);
  });

  it('reports a file that has gone, and takes it up again, changed or not', async () => {
    const file = fileWith('a');
    const { sees, sink } = follow(file);
    await sees(['a']);
    rmSync(file);
    const problems = await until('reject', () => sink.rejects.at(-1));
    assert.equal(problems[0]?.code, 'file.unreadable');
    writeFileSync(file, 'a');
    await until('second submit', () => sink.submits.length === 2);
    await sees(['a']);
  });

  it('begins with a file that is not there yet', async () => {
    const file = join(temporaryDirectory(), 'sub', 'policy.yaml');
    const { sees, sink } = follow(file);
    await until('reject', () => sink.rejects.length > 0);
    mkdirSync(join(file, '..'));
    writeFileSync(file, 'a');
    await sees(['a']);
  });

  it('does not submit a save that changes nothing, and keeps the objects of what has not changed', async () => {
    const folder = temporaryDirectory();
    writeFileSync(join(folder, 'a.yaml'), 'a');
    writeFileSync(join(folder, 'b.yaml'), 'b');
    const { sees, sink } = follow(folder);
    await sees(['a', 'b']);
    writeFileSync(join(folder, 'a.yaml'), 'a');
    await sleep(150);
    writeFileSync(join(folder, 'b.yaml'), 'b2');
    await sees(['a', 'b2']);
    assert.equal(sink.submits.length, 2);
    assert.equal(sink.submits[1]?.[0], sink.submits[0]?.[0]);
  });

  it('tries again by itself when the submit rejects', async () => {
    const file = fileWith('a');
    const { sees, sink, reports } = follow(file);
    await sees(['a']);
    sink.failures = 3;
    writeFileSync(file, 'b');
    await sees(['b']);
    assert.equal(reports.length, 3);
  });

  it('runs a module again when a file that it imports changes', async () => {
    const folder = temporaryDirectory();
    const shared = join(folder, '_shared.ts');
    writeFileSync(shared, 'export const text: string = "one";');
    writeFileSync(join(folder, 'policy.ts'), 'import { text } from "./_shared.ts";\nexport default { text };');
    const { sees } = follow(join(folder, 'policy.ts'));
    await sees(['{"text":"one"}']);
    writeFileSync(shared, 'export const text: string = "two";');
    await sees(['{"text":"two"}']);
  });

  it('ends when it is told to, also in the midst of a module', async () => {
    const file = join(temporaryDirectory(), 'policy.ts');
    writeFileSync(file, 'for (;;) {}');
    const { stop, sink } = follow(file);
    await sleep(100);
    await stop();
    assert.deepEqual(sink.rejects, []);
  });

  it('reads what is written while it reads because the writing takes too long', async () => {
    const text = (port: number) => `services: { a: { endpoints: [{ address: "\${HOST:-h}:${port}" }] } }`;
    const file = fileWith(text(1));
    const sink = new Recorder();
    const stopped = new AbortController();
    const last = [text(2)][Symbol.iterator]();
    // Asked when the files have been read.
    const variables = () => {
      for (const each of last) writeFileSync(file, each);
      return undefined;
    };
    const timing = { settleAtMost: 0, poll: 20 };
    const done = followPolicyFiles(file, sink, { signal: stopped.signal, report: () => {}, variables, timing });
    running.push({
      stop: async () => {
        stopped.abort();
        await done;
      },
    });
    await until('the last text', () => sink.texts?.includes(text(2)) ?? false);
  });
});
