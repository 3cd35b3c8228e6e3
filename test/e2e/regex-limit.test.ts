import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxProgramSize, sizeOf } from '../../src/policy/check-regex.ts';
import { atTheLimit, regexSizes } from '../support/regex-sizes.ts';
import { matchRefusal } from '../support/route-match-validate.ts';

const safeRegex = (regex: string) => ({ safe_regex: { regex } });

/** Envoy names the size of a program that is larger than its limit; a limit of 0 makes it name every size. */
async function sizeInEnvoy(pattern: string): Promise<number> {
  const said = await matchRefusal([safeRegex(pattern)], { 're2.max_program_size.error_level': 0 });
  const [, size] = /RE2 program size of (\d+) > max program size of 0/.exec(said ?? '') ?? [];
  assert.ok(size !== undefined, `${pattern}: ${said}`);
  return Number(size);
}

test('Envoy counts programs as we do', async () => {
  const counted: [string, number][] = [];
  for (const [pattern] of regexSizes) counted.push([pattern, await sizeInEnvoy(pattern)]);
  assert.deepEqual(counted, regexSizes);
  assert.deepEqual(
    counted.map(([pattern]) => sizeOf(pattern)),
    counted.map(([, size]) => size),
  );
});

test('Envoy takes programs of the limit without being told one', async () => {
  assert.equal(await matchRefusal(atTheLimit.map(([taken]) => safeRegex(taken))), undefined);
});

test('Envoy refuses programs one larger', async () => {
  for (const [, refused] of atTheLimit) {
    const limit = `RE2 program size of ${maxProgramSize + 1} > max program size of ${maxProgramSize}`;
    assert.ok((await matchRefusal([safeRegex(refused)]))?.includes(limit), refused);
  }
});

test('Envoy has the same limit for headers and for query parameters', async () => {
  const [[taken, refused] = ['', '']] = atTheLimit;
  const header = (regex: string) => ({
    prefix: '/',
    headers: [{ name: 'x-a', string_match: safeRegex(regex) }],
  });
  const query = (regex: string) => ({
    prefix: '/',
    query_parameters: [{ name: 'a', string_match: safeRegex(regex) }],
  });
  assert.equal(await matchRefusal([header(taken), query(taken)]), undefined);
  assert.match((await matchRefusal([header(refused)])) ?? '', /max program size of 100/);
  assert.match((await matchRefusal([query(refused)])) ?? '', /max program size of 100/);
});
