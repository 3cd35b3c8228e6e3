import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type AuditContent, AuditLog, type AuditLogOptions } from '../../../src/access/audit-log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const done: AuditContent = {
  who: 'ada',
  role: 'operator',
  from: '10.0.0.9',
  what: 'PUT /x',
  result: 'done',
  status: 200,
};

function opened(given: Partial<AuditLogOptions> = {}) {
  const folder = given.folder ?? join(temporaryDirectory(), 'audit');
  const reported: string[] = [];
  const audit = new AuditLog({ folder, report: message => void reported.push(message), ...given });
  return { folder, audit, reported };
}

describe('the audit log', () => {
  it('writes a line for each entry, and gives the newest first', async () => {
    const { folder, audit } = opened({ now: () => Date.parse('2026-03-01T12:00:00Z') });
    for (let number = 0; number < 5; number++) audit.add({ ...done, what: `PUT /${number}` });
    const lines = readFileSync(join(folder, 'audit.jsonl'), 'utf8').trimEnd().split('\n');
    assert.equal(lines.length, 5);
    assert.equal(JSON.parse(lines[0] ?? '').at, '2026-03-01T12:00:00.000Z');
    assert.equal(statSync(join(folder, 'audit.jsonl')).mode & 0o777, 0o600);
    const newest = await audit.read(undefined, {}, 2);
    assert.deepEqual(
      newest.map(each => each.what),
      ['PUT /4', 'PUT /3'],
    );
    const older = await audit.read(newest.at(-1)?.id, {}, 10);
    assert.deepEqual(
      older.map(each => each.what),
      ['PUT /2', 'PUT /1', 'PUT /0'],
    );
    assert.equal(audit.counts.get('done'), 5);
    audit.close();
  });

  it('filters by who and result', async () => {
    const { audit } = opened();
    audit.add(done);
    audit.add({ ...done, who: 'bob' });
    audit.add({ ...done, result: 'refused', status: 403 });
    assert.deepEqual((await audit.read(undefined, { who: 'bob' }, 9)).length, 1);
    assert.deepEqual(
      (await audit.read(undefined, { result: 'refused' }, 9)).map(each => each.status),
      [403],
    );
    audit.close();
  });

  it('goes on after a restart, and after a line that a power cut left half', async () => {
    const { folder, audit } = opened();
    audit.add(done);
    audit.close();
    appendFileSync(join(folder, 'audit.jsonl'), '{"id":1,"who":"no');
    const again = opened({ folder, now: () => Date.now() - 3_600_000 }).audit;
    again.add({ ...done, who: 'bob' });
    const all = await again.read(undefined, {}, 10);
    assert.deepEqual(
      all.map(each => each.who),
      ['bob', 'ada'],
      'in the order that they were written, also when the clock was put back',
    );
    again.close();
  });

  it('is bounded by size, and loses the oldest', async () => {
    const { folder, audit } = opened({ fileBytes: 1000, files: 3 });
    for (let number = 0; number < 200; number++) audit.add({ ...done, what: `PUT /${number}` });
    const files = readdirSync(folder);
    assert.equal(files.length, 4);
    const bytes = files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    assert.ok(bytes <= 4000, `${bytes} bytes`);
    const all = await audit.read(undefined, {}, 1000);
    const numbers = all.map(each => Number(each.what.slice(5)));
    assert.equal(numbers[0], 199);
    assert.deepEqual(
      numbers,
      Array.from({ length: numbers.length }, (_, index) => 199 - index),
      'none in between',
    );
    audit.close();
  });

  it('is looked through from its end, as far as is asked for, and read in earnest where a line may be meant', async t => {
    const { folder, audit } = opened();
    for (let number = 0; number < 5000; number++) {
      const rare = number % 1000 === 7;
      audit.add({ ...done, what: `PUT /${number}`, who: rare ? 'b"ob' : 'ada', ...(rare && { result: 'refused' }) });
    }
    appendFileSync(join(folder, 'audit.jsonl'), `"b\\"ob" ${'x'.repeat(3_000_000)}\n{"who":"b\\"ob"}\n`);
    const parse = t.mock.method(JSON, 'parse');
    const parsed = async (...given: Parameters<AuditLog['read']>) => {
      parse.mock.resetCalls();
      const found = await audit.read(...given);
      return { found: found.map(each => each.what), calls: parse.mock.callCount() };
    };
    const newest = await parsed(undefined, {}, 3);
    assert.deepEqual(newest.found, ['PUT /4999', 'PUT /4998', 'PUT /4997']);
    assert.ok(newest.calls < 10, `${newest.calls} lines were read for the newest three`);
    for (const filter of [{ who: 'b"ob' }, { result: 'refused' }, { who: 'b"ob', result: 'refused' }] as const) {
      const { found, calls } = await parsed(undefined, filter, 10);
      assert.deepEqual(found, ['PUT /4007', 'PUT /3007', 'PUT /2007', 'PUT /1007', 'PUT /7']);
      assert.ok(calls < 20, `${calls} lines were read for five`);
    }
    audit.close();
  });

  it('has nothing twice, and nothing missing in between, while files are rotated and deleted', async () => {
    const { audit } = opened({ fileBytes: 2000, files: 4 });
    let number = 0;
    for (let round = 0; round < 60; round++) {
      const reading = audit.read(undefined, {}, 1000);
      for (let more = 0; more < 13; more++) {
        audit.add({ ...done, what: `PUT /${number++}` });
        if (more % 4 === 0) await new Promise(resolve => setImmediate(resolve));
      }
      const found = (await reading).map(each => Number(each.what.slice(5)));
      const newest = found[0] ?? 0;
      assert.deepEqual(
        found,
        found.map((_, index) => newest - index),
      );
      assert.ok(round === 0 || newest >= round * 13 - 1, 'what was there before is there');
    }
    audit.close();
  });

  it('bounds its texts, and a text cannot begin a line of its own', async () => {
    const { folder, audit } = opened();
    audit.add({ ...done, what: `PUT /${'x'.repeat(100_000)}`, claims: 'ada\n{"who":"root"}' });
    const text = readFileSync(join(folder, 'audit.jsonl'), 'utf8');
    assert.ok(text.length < 2000);
    assert.equal(text.split('\n').length, 2);
    audit.close();
  });

  it('goes on when it cannot be written, says so once, and heals', async () => {
    const folder = join(temporaryDirectory(), 'audit');
    writeFileSync(folder, 'a file where the folder should be');
    const { audit, reported } = opened({ folder });
    audit.add({ ...done, what: 'PUT /lost' });
    audit.add({ ...done, what: 'PUT /lost-too' });
    assert.equal(audit.failures, 2);
    assert.match(audit.failing ?? '', /EEXIST|ENOTDIR/);
    assert.equal(reported.length, 1);
    assert.deepEqual(
      (await audit.read(undefined, {}, 9)).map(each => each.what),
      ['PUT /lost-too', 'PUT /lost'],
    );
    rmSync(folder);
    audit.add({ ...done, what: 'PUT /kept' });
    assert.equal(audit.failing, undefined);
    assert.deepEqual(
      (await audit.read(undefined, {}, 1)).map(each => each.what),
      ['PUT /kept'],
    );
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    audit.add(done);
    assert.equal(audit.failures, 2, 'a file that was taken away is written to the end');
    audit.close();
  });

  it('says so of a disk that is full', { skip: process.platform !== 'linux' }, async () => {
    const folder = temporaryDirectory();
    symlinkSync('/dev/full', join(folder, 'audit.jsonl'));
    const { audit } = opened({ folder });
    audit.add(done);
    assert.match(audit.failing ?? '', /ENOSPC/);
    assert.equal((await audit.read(undefined, {}, 9)).length, 1);
    audit.close();
  });
});
