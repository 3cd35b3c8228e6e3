import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { formatPath, hasErrors, type PolicyPath } from '../../../src/base/problem.ts';
import type { Resource } from '../../../src/base/resource.ts';
import { compile } from '../../../src/ir/compile.ts';
import { Policy } from '../../../src/policy/kinds.ts';
import { noOperationalState } from '../../../src/policy/operational-state.ts';
import { findViolations } from '../../../src/snapshot/validate.ts';
import { translate } from '../../../src/translate/translate.ts';
import { goldenCases } from '../../support/golden-case.ts';

const texts = (text: string) => [
  ...['', `${text}\n`, `${text}\0`, `${text}\x01`, `${text} `, `${text}/`, `${text}?`],
  ...[`/${'x'.repeat(2000)}`, '0s', '1ms', '9999999h', '0%', '100%'],
];
const numbers = [-1, 0, 1, 2, 101, 1000, 65_535, 65_536, 4_294_967_295, 4_294_967_296];

/** Whatever a policy may say, Envoy takes by its field rules; what it would not take is a problem of the policy. */
describe('what the schema lets pass', () => {
  const seen = new WeakSet<Resource>();
  for (const { name, policy: text, resolved } of goldenCases()) {
    const policy: unknown = parseYaml(text);
    it(`breaks no field rule of Envoy: ${name}`, () => {
      let passed = 0;
      for (const [path, value] of leavesOf(policy)) {
        const values = typeof value === 'string' ? texts(value) : typeof value === 'number' ? numbers : [];
        for (const each of values) {
          const parsed = Policy.safeParse(withValue(policy, path, each));
          if (!parsed.success) continue;
          const { fleets, problems } = compile({ policy: parsed.data, state: noOperationalState, resolved });
          if (hasErrors(problems)) continue;
          passed++;
          const what = `${formatPath(path)} = ${JSON.stringify(each).slice(0, 40)}`;
          for (const resource of fleets.flatMap(translate)) {
            if (!seen.has(resource)) assert.deepEqual(findViolations(resource), [], what);
            seen.add(resource);
          }
        }
      }
      assert.ok(passed >= 10, `only ${passed} values were let pass`);
    });
  }
});

function* leavesOf(value: unknown, path: PolicyPath = []): Iterable<readonly [PolicyPath, unknown]> {
  if (typeof value !== 'object' || value === null) yield [path, value];
  else if (Array.isArray(value)) for (const [at, each] of value.entries()) yield* leavesOf(each, [...path, at]);
  else for (const [key, each] of Object.entries(value)) yield* leavesOf(each, [...path, key]);
}

function withValue(input: unknown, [key, ...rest]: PolicyPath, value: unknown): unknown {
  if (key === undefined) return value;
  const inner = withValue((input as Readonly<Record<string, unknown>>)[key], rest, value);
  if (Array.isArray(input)) return input.map((each, index) => (index === key ? inner : each));
  return { ...(input as object), [key]: inner };
}
