import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';
import manifest from '../../../package.json' with { type: 'json' };
import { logLevels } from '../../../src/admin/api.ts';
import { examplesOf } from '../../../src/cli/options.ts';
import { switchyardProgram } from '../../../src/cli/program.ts';
import { runCommand } from '../../support/cli.ts';
import { hostOf, runHere } from './here.ts';
import { commandLines, leaves, parses } from './program-walk.ts';

const cwd = path.join(import.meta.dirname, 'golden');
const run = (...args: readonly string[]) => runCommand(args, { cwd });

describe('the command line', { concurrency: 2 }, () => {
  it('says its version and its commands', async () => {
    assert.deepEqual(await run('--version'), { code: 0, out: `${manifest.version}\n`, err: '' });
    const help = await run('--help');
    assert.deepEqual([help.code, help.err], [0, '']);
    for (const command of [
      'init',
      'validate',
      'explain',
      'translate',
      'serve',
      'status',
      'canary',
      'drain',
      'retry',
      'quarantine',
      'bundle',
    ]) {
      assert.match(help.out, new RegExp(`^  ${command}\\b`, 'm'));
    }
    assert.match(help.out, /Examples:\n {2}switchyard init/);
    const nothing = await run();
    assert.deepEqual([nothing.code, nothing.out], [1, '']);
    assert.equal(nothing.err, help.out);
  });

  for (const [name, command] of leaves(switchyardProgram(hostOf({})), 'switchyard')) {
    it(`${name}: --help teaches it by command lines that are right`, async () => {
      const { code, out } = await runHere([...name.split(' ').slice(1), '--help']);
      assert.equal(code, 0);
      assert.match(out, new RegExp(`Examples:\\n(?:.*\\n)*? {2}(?:.* )?(?:<\\()?${name}`));
      for (const line of examplesOf(command)) for (const words of commandLines(line)) await parses(words);
    });
  }

  it('names every level of the log', async () => {
    const { out } = await runHere(['serve', '--help']);
    for (const level of logLevels) assert.match(out, new RegExp(`--log-level[^-]*\\b${level}\\b`), level);
  });

  it('suggests what was meant', async () => {
    for (const [args, message] of [
      [['valdate'], "error: unknown command 'valdate'\n(Did you mean validate?)\n(see --help)\n"],
      [['canary', 'wieghts'], "error: unknown command 'wieghts'\n(Did you mean weights?)\n(see --help)\n"],
      [['validate', '--ouput', 'json'], "error: unknown option '--ouput'\n(Did you mean --output?)\n(see --help)\n"],
    ] as const) {
      assert.deepEqual(await run(...args), { code: 1, out: '', err: message });
    }
    const format = await run('translate', '-o', 'xml');
    assert.equal(format.code, 1);
    assert.match(format.err, /'xml' is invalid\. Allowed choices are table, wide, json, yaml, name\./);
    assert.match((await run('validate', 'a', 'b')).err, /too many arguments/);
    assert.match((await run('drain')).err, /missing required argument 'service'/);
  });

  it('ends quietly when nobody reads on', async () => {
    const main = path.resolve(import.meta.dirname, '../../../src/cli/main.ts');
    const script = `"$0" "$1" translate good.yaml -o json | true; echo "\${PIPESTATUS[0]}"`;
    const child = spawn('bash', ['-c', script, process.execPath, main], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const texts = { out: '', err: '' };
    child.stdout.on('data', chunk => {
      texts.out += chunk;
    });
    child.stderr.on('data', chunk => {
      texts.err += chunk;
    });
    await new Promise(resolve => child.once('close', resolve));
    assert.deepEqual(texts, { out: '0\n', err: '' });
  });
});
