import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { bootstrap, bootstrapDefaults } from '../../../src/translate/bootstrap.ts';

/**
 * The committed bootstraps are what the generator makes. `UPDATE_GOLDEN=1` writes them anew; read them before
 * committing them.
 */
const folder = path.join(import.meta.dirname, '..', '..', '..', 'envoy');
const update = process.env['UPDATE_GOLDEN'] === '1';

interface Kind {
  readonly role: 'edge' | 'sidecar';
  readonly variant: 'delta' | 'sotw';
  readonly streams: 'ads' | 'perType';
}

const kinds: readonly Kind[] = (['delta', 'sotw'] as const).flatMap(variant => [
  { role: 'edge', variant, streams: 'ads' },
  { role: 'edge', variant, streams: 'perType' },
  { role: 'sidecar', variant, streams: 'ads' },
]);

const text = ({ role, variant, streams }: Kind) => {
  const name = role === 'edge' ? 'An edge proxy' : 'A sidecar';
  const how = streams === 'ads' ? `on ${variant} xDS` : `on ${variant} xDS with a stream for each type`;
  const flags = `--role ${role} --variant ${variant}${streams === 'ads' ? '' : ' --streams per-type'}`;
  const message = bootstrap({
    node: { id: `${role}-${variant}-1`, cluster: `${role}-${variant}`, zone: 'demo' },
    xds: ['switchyard:18000'],
    variant,
    admin: '127.0.0.1:9901',
    ...bootstrapDefaults,
    streams,
  });
  return `# ${name} of compose/demo.yaml, ${how}. It is what "switchyard init" writes; make your own with
#   switchyard init --only envoy ${flags} --node ID --cluster FLEET --xds HOST:PORT
# Envoy's flags --service-node and --service-cluster win over the node below; each Envoy needs an id of its own.
${stringify(message, { lineWidth: 0, aliasDuplicateObjects: false })}`;
};

describe('envoy/*.yaml', () => {
  for (const kind of kinds) {
    const file = `${kind.role}-${kind.variant}${kind.streams === 'ads' ? '' : '-per-type'}.yaml`;
    it(`${file} is what the generator makes`, () => {
      const place = path.join(folder, file);
      if (update) writeFileSync(place, text(kind));
      const hint = `it is stale: run UPDATE_GOLDEN=1 node --test ${path.relative(process.cwd(), import.meta.filename)}`;
      assert.ok(readFileSync(place, 'utf8') === text(kind), hint);
    });
  }
});
