import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runCommand } from '../../support/cli.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const explain = (...args: readonly string[]) => runCommand(['explain', ...args], { cwd: temporaryDirectory() });

describe('switchyard explain', { concurrency: 2 }, () => {
  it('says what a field does, its default and the reason, however its path is written', async () => {
    const { code, out } = await explain('services.endpoints.weight');
    assert.equal(code, 0);
    assert.match(out, /^services\.\*\.endpoints\[\]\.weight\n {2}\S.*\n {2}default: 1: .+\n {2}example: 3\n/);
    assert.equal((await explain('services.*.endpoints[].weight')).out, out);
  });

  it('lists what stands below, and the kinds without a field', async () => {
    assert.match((await explain('routes')).out, /^routes\n[\s\S]*^hosts +\S/m);
    const kinds = (await explain()).out;
    for (const kind of ['services', 'gateways', 'routes', 'fleets'])
      assert.match(kinds, new RegExp(`^${kind} +\\S`, 'm'));
  });

  it('suggests where there is no such field', async () => {
    const named = await explain('services.web.endpoints[0].weight');
    assert.equal(named.out, (await explain('services.endpoints.weight')).out);
    const bare = await explain('perTryTimeout');
    assert.match(
      bare.err,
      /^error: .*"perTryTimeout"; there is services\.retries\.perTryTimeout, routes\.rules\.retries\./,
    );
    const { code, err } = await explain('services.endpoints.wieght');
    assert.equal(code, 1);
    assert.match(err, /no field "services\.endpoints\.wieght"; did you mean "services\.endpoints\.weight"\?/);
  });

  it('prints the JSON Schema for editors, and the reference', async () => {
    const schema = JSON.parse((await explain('--json-schema')).out);
    assert.ok(schema.properties.services.additionalProperties.properties.endpoints);
    assert.match((await explain('--reference')).out, /^# The policy, field by field/);
  });
});
