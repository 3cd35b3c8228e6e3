// All checks that need no running program, under the right Node (see run.mjs). Every one runs, then the exit code says
// whether one failed.
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const knip = 'node_modules/knip/bin/knip.js';
const test = ['--test', '--test-reporter=spec'];

/** @type {readonly (readonly [string, readonly string[]])[]} */
const checks = [
  ['types', ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']],
  [
    'style',
    [
      'node_modules/@biomejs/biome/bin/biome',
      'check',
      '--error-on-warnings',
      '--diagnostic-level=warn',
      '--max-diagnostics=50',
    ],
  ],
  ['dead code', [knip, '--no-progress']],
  ['code that only tests use', [knip, '--no-progress', '--production', '--include', 'files,dependencies']],
  ['layers', [...test, 'test/architecture/layers.test.ts']],
  ['error codes', [...test, 'test/architecture/errors-doc.test.ts']],
];

let failed = 0;
for (const [name, args] of checks) {
  const began = Date.now();
  const { ok, output } = await run(args);
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  if (!ok) {
    failed += 1;
    console.log(output.trimEnd().replace(/^/gm, '    '));
  }
}
console.log(failed === 0 ? `all ${checks.length} checks passed` : `${failed} of ${checks.length} checks FAILED`);
process.exitCode = failed === 0 ? 0 : 1;

/**
 * @param {readonly string[]} args
 * @returns {Promise<{ readonly ok: boolean, readonly output: string }>}
 */
function run(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', chunk => {
        output += chunk;
      });
    }
    child.on('error', reject);
    child.on('close', code => resolve({ ok: code === 0, output }));
  });
}
