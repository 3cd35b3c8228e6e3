import assert from 'node:assert/strict';
import { test } from 'node:test';
import { knownSubstitutions } from '../../src/policy/check-substitution.ts';
import { routeRefusal } from '../support/route-match-validate.ts';

const adding = (value: string) => ({
  match: { prefix: '/' },
  direct_response: { status: 200 },
  request_headers_to_add: [{ header: { key: 'x-a', value } }],
  response_headers_to_add: [{ header: { key: 'x-a', value } }],
});

test('Envoy knows every substitution that we let pass', async () => {
  const values = [...knownSubstitutions(), '100%%', '%REQ(x):5%', '%START_TIME(%Y-%m)%', '%PATH(NQ)%'];
  assert.equal(await routeRefusal(values.map(adding)), undefined);
});

test('Envoy refuses the rest', async () => {
  for (const value of ['50%', '%a%', '%FOO%', '%REQ%', '%REQ()%', '%HOSTNAME:3%', '%PROTOCOL%%']) {
    assert.match(
      (await routeRefusal([adding(value)])) ?? 'taken',
      /Not supported|Incorrect|require|does not take/,
      value,
    );
  }
});
