import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSubstitutions, knownSubstitutions } from '../../../src/policy/check-substitution.ts';

test('values that Envoy takes', () => {
  const values = [
    '',
    'beta',
    '100%%',
    '%%%%',
    '%REQ(x-user)%',
    '%REQ(:path):10%',
    'a %PROTOCOL% b %START_TIME(%Y-%m-%d)%',
    '%REQ(x?y)%',
    '%PATH(NQ)%',
  ];
  for (const value of [...values, ...knownSubstitutions()]) assert.equal(checkSubstitutions(value), undefined, value);
});

test('values that Envoy refuses', () => {
  const wrong = (value: string) => {
    const mistake = checkSubstitutions(value);
    assert.ok(mistake, value);
    return `${mistake.message} (${mistake.hint})`;
  };
  assert.equal(wrong('50%'), '"50%" has a % of its own (write %% for a percent sign)');
  assert.equal(
    wrong('%PROTOCOLL%'),
    '"%PROTOCOLL%" has %PROTOCOLL%, which Envoy does not know (did you mean "PROTOCOL"?)',
  );
  assert.match(wrong('%REQ%'), /does not say of what \(for example %REQ\(x-user\)%\)/);
  assert.match(wrong('%HOSTNAME:3%'), /takes nothing after its name \(write %HOSTNAME%\)/);
  for (const value of ['%', '%%%', '%a%', '%PROTOCOL', '%PROTOCOL%%', '%req(x)%', '%REQ()%', '%FOO%']) wrong(value);
});
