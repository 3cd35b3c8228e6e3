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

const header = (role: 'edge' | 'sidecar', variant: 'delta' | 'sotw') =>
  `# ${role === 'edge' ? 'An edge proxy' : 'A sidecar'} of compose/demo.yaml, on ${variant} xDS. It is what "switchyard init" writes; make your own with
#   switchyard init --only envoy --role ${role} --variant ${variant} --node ID --cluster FLEET --xds HOST:PORT
# Envoy's flags --service-node and --service-cluster win over the node below; each Envoy needs an id of its own.
`;

describe('envoy/*.yaml', () => {
  for (const role of ['edge', 'sidecar'] as const) {
    for (const variant of ['delta', 'sotw'] as const) {
      it(`${role}-${variant}.yaml is what the generator makes`, () => {
        const message = bootstrap({
          node: { id: `${role}-${variant}-1`, cluster: `${role}-${variant}`, zone: 'demo' },
          xds: ['switchyard:18000'],
          variant,
          admin: '127.0.0.1:9901',
          ...bootstrapDefaults,
        });
        const text = header(role, variant) + stringify(message, { lineWidth: 0, aliasDuplicateObjects: false });
        const file = path.join(folder, `${role}-${variant}.yaml`);
        if (update) writeFileSync(file, text);
        const hint = `it is stale: run UPDATE_GOLDEN=1 node --test ${path.relative(process.cwd(), import.meta.filename)}`;
        assert.ok(readFileSync(file, 'utf8') === text, hint);
      });
    }
  }
});
