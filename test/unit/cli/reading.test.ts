import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { CliFailure, painter, render } from '../../../src/cli/output.ts';
import { withProgress } from '../../../src/cli/progress.ts';
import { drawn, type Reading, read } from '../../../src/cli/reading.ts';
import { until } from '../../support/until.ts';
import { hostOf } from './here.ts';

const reading = (more: Partial<Reading> = {}): Reading => ({
  value: { a: 1, b: ['x'] },
  table: () => 'A\n1\n',
  name: () => ['x', 'y'],
  ...more,
});

/** What a command prints that reads this. */
async function printed(flags: Parameters<typeof read>[1], more: Partial<Reading> = {}) {
  const texts: string[] = [];
  const host = hostOf({ out: text => void texts.push(text) });
  const failure = await read(host, flags, async () => reading(more)).catch((error: unknown) => error);
  return { out: texts.join(''), code: failure instanceof CliFailure ? failure.exitCode : failure };
}

describe('what a command has read', () => {
  it('is printed in five formats', async () => {
    const outputs = {
      table: 'A\n1\n',
      wide: 'A B\n',
      json: '{\n  "a": 1,\n  "b": [\n    "x"\n  ]\n}\n',
      name: 'x\ny\n',
    };
    for (const [output, out] of Object.entries(outputs)) {
      const flags = { output: output as 'table' };
      assert.deepEqual(await printed(flags, { wide: () => 'A B\n' }), { out, code: undefined });
    }
    assert.equal((await printed({ output: 'yaml' })).out, 'a: 1\nb:\n  - x\n');
    assert.equal((await printed({ output: 'wide' })).out, 'A\n1\n', 'there are no more columns');
  });

  it('says by the exit code whether all is well', async () => {
    for (const code of [1, 2] as const) {
      assert.deepEqual(await printed({ output: 'table' }, { code }), { out: 'A\n1\n', code });
    }
  });

  it('names nothing that a terminal would obey', () => {
    assert.equal(render({}, 'name', reading({ name: () => ['a\u001b[2Jb\nc'] })), 'a\\u001b[2Jb c\n');
  });

  it('is printed for programs one a line, or one a document, when watched', async () => {
    for (const [output, all] of [
      ['json', '{"a":0}\n{"a":1}\n'],
      ['yaml', '---\na: 0\n---\na: 1\n'],
    ] as const) {
      const end = new AbortController();
      const texts: string[] = [];
      let a = 0;
      const host = hostOf({ out: text => void texts.push(text), signal: end.signal, terminal: true });
      const watching = read(host, { output, watch: true }, async () => reading({ value: { a: a++ } }));
      await until('two', () => texts.length === 2);
      end.abort();
      await watching;
      assert.equal(texts.join(''), all);
    }
  });

  it('is waited for, while it cannot be read', async () => {
    const end = new AbortController();
    const texts: string[] = [];
    const host = hostOf({
      out: text => void texts.push(`out ${text}`),
      err: text => void texts.push(`err ${text}`),
      signal: end.signal,
    });
    const watching = read(host, { output: 'name', watch: true }, async () => {
      if (texts.length === 0) throw new CliFailure('not there');
      return reading();
    });
    await until('both', () => texts.length === 2);
    end.abort();
    await watching;
    assert.deepEqual(texts, ['err error: not there\n', 'out x\ny\n']);
  });
});

describe('redrawing', () => {
  it('writes over what stood there and clears the rest', () => {
    assert.equal(drawn('a\nb\n', undefined), '\u001b[Ha\u001b[K\nb\u001b[K\n\u001b[J');
  });

  it('shows as much as there is room for, and says what is missing', () => {
    const lines = Array.from({ length: 10 }, (_, index) => `line ${index}`).join('\n');
    const at = (rows: number, columns: number) =>
      drawn(lines, { rows, columns }).replaceAll('\u001b[K', '').slice(3, -3).trim().split('\n');
    assert.equal(at(11, 80).length, 10);
    assert.deepEqual(at(5, 80), [
      'line 0',
      'line 1',
      'line 2',
      '… and 7 more lines; make the window larger, or ask for less',
    ]);
    assert.equal(at(11, 3).length, 5, 'each takes two rows');
  });

  it('does not count colours as width', () => {
    const red = '\u001b[31mred\u001b[39m';
    assert.ok(!drawn(`${red}\n${red}`, { rows: 3, columns: 3 }).includes('more lines'));
  });
});

describe('progress', () => {
  it('is told after a second, on a terminal only, and taken away', async () => {
    const lines: string[] = [];
    const host = hostOf({ progress: line => void lines.push(line) });
    assert.equal(await withProgress(host, 'waiting', Promise.resolve(1)), 1);
    assert.deepEqual(lines, [], 'it was quick');
    const slow = until('it is told', () => lines.length > 0).then(() => 2);
    assert.equal(await withProgress(host, 'waiting', slow), 2);
    assert.match(lines[0] ?? '', /^waiting … \d+s$/);
    assert.equal(lines.at(-1), '');
    await withProgress(hostOf({}), 'waiting', pause(0));
  });
});

it('colours are for who wants them', () => {
  assert.equal(painter(hostOf({ terminal: true }))('red', 'x'), 'x');
  assert.equal(painter(hostOf({ colours: true }))('red', 'x'), '\u001b[31mx\u001b[39m');
});
