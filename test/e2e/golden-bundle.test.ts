import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { translate } from '../../src/translate/translate.ts';
import { envoyRefusal } from '../support/envoy-validate.ts';
import { fleetsOf, goldenCases } from '../support/golden-case.ts';
import { shownPolicies } from '../support/shown-policies.ts';

const cases = [...goldenCases().map(each => ({ name: each.name, fleets: fleetsOf(each) })), ...(await shownPolicies())];

describe('a real Envoy takes every golden policy and every example as a static bundle', { concurrency: 2 }, () => {
  for (const each of cases) {
    it(each.name, async () => {
      for (const fleet of each.fleets) assert.equal(await envoyRefusal(translate(fleet)), undefined);
    });
  }

  it('and refuses a bad one', async () => {
    const bad = {
      type: 'envoy.config.cluster.v3.Cluster',
      name: 'bad',
      message: { name: 'bad', type: 'STATIC' },
    } as const;
    const refusal = await envoyRefusal([{ ...bad, message: { ...bad.message, connect_timeout: '0s' } }]);
    assert.match(refusal ?? '', /ConnectTimeout/);
  });
});
