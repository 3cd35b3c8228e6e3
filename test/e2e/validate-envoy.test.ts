import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { envoyBinary } from '../../envoy/binary.ts';
import { envoyRefusal } from '../../src/envoy-validate.ts';
import { runCommand } from '../support/cli.ts';
import { runHere } from '../unit/cli/here.ts';

const golden = join(import.meta.dirname, '../unit/cli/golden');
const text = readFileSync(join(golden, 'good.yaml'), 'utf8');

type Config = { readonly static_resources: { readonly clusters: readonly Readonly<Record<string, unknown>>[] } };

/** As if a fault of ours, or of a newer Envoy, had got past all checks: the real binary is given this instead. */
function spoiled(config: object): object {
  const { static_resources, ...rest } = config as Config;
  const clusters = static_resources.clusters.map(each =>
    each['name'] === 'catalog'
      ? { ...each, typed_extension_protocol_options: { catalog: { '@type': 'type.googleapis.com/no.such.Type' } } }
      : each,
  );
  return { ...rest, static_resources: { ...static_resources, clusters } };
}

const run = (change: (config: object) => object) =>
  runHere(['validate', '--envoy', envoyBinary()], {
    readDocuments: async () => ({ documents: [{ file: 'good.yaml', format: 'yaml', text }], problems: [] }),
    preflight: async () => [],
    envoyRefusal: (binary, config) => envoyRefusal(binary, change(config), AbortSignal.timeout(60_000)),
  });

describe('validate --envoy', () => {
  it('tells what a real Envoy refuses, in its words, at the place that these name', async () => {
    const { code, out } = await run(spoiled);
    assert.equal(code, 1, out);
    assert.match(out, /good\.yaml:\d+:\d+: error: Envoy refuses what fleet "edge" would hold: .*no\.such\.Type/);
    assert.match(out, /\[envoy\.refused\]/);
    assert.match(out, /\nrefused: \d+ errors?, 0 warnings\n$/);
  });

  it('has nothing to say where the same Envoy takes all of it', async () => {
    const { code, out } = await run(config => config);
    assert.deepEqual([code, out], [0, 'good: 2 fleets, 0 errors, 0 warnings\n']);
  });

  it('runs the binary that is named, and says when there is none', async () => {
    const good = await runCommand(['validate', 'good.yaml', '--envoy', envoyBinary()], { cwd: golden });
    assert.deepEqual([good.code, good.out], [0, 'good: 2 fleets, 0 errors, 0 warnings\n']);
    const none = await runCommand(['validate', 'good.yaml', '--envoy', '/no/envoy'], { cwd: golden });
    assert.equal(none.code, 1);
    assert.match(none.err, /cannot run \/no\/envoy \(ENOENT\): name an Envoy binary with --envoy FILE/);
  });
});
