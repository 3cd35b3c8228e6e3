import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { temporaryDirectory } from '../../support/temporary.ts';
import { runHere } from './here.ts';

const run = promisify(execFile);
const installed = (shell: string) => spawnSync(shell, ['-c', 'true']).error === undefined;

const cwd = temporaryDirectory();
before(() => writeFileSync(join(cwd, 'policy.yaml'), ''));

/** What is offered for the last word, sorted. */
type Offered = (...words: readonly string[]) => Promise<readonly string[]>;

function completes(offered: Offered): void {
  it('commands, with their other names', async () => {
    const all = await offered('');
    for (const name of ['status', 'ps', 'validate', 'analyze', 'canary']) assert.ok(all.includes(name), name);
    assert.deepEqual(await offered('stat'), ['status']);
    assert.deepEqual(await offered('canary', ''), ['status', 'weights']);
    assert.deepEqual(await offered('quarantine', 'r'), ['release']);
  });
  it('flags of the command, also by its other name', async () => {
    assert.deepEqual(await offered('status', '--wa'), ['--watch']);
    assert.deepEqual(await offered('ps', '--fleet', 'edge', '--st'), ['--state']);
    assert.deepEqual(await offered('canary', 'weights', 'shop/everyone', '--tim'), ['--timeout']);
  });
  it('values of flags and arguments', async () => {
    assert.deepEqual(await offered('status', '-o', 'j'), ['json']);
    assert.deepEqual(await offered('status', '--state', 'un'), ['unmatched']);
    assert.deepEqual(await offered('completion', ''), ['bash', 'fish', 'zsh']);
  });
  it('files where a file is due, and nothing where nobody can know', async () => {
    assert.deepEqual(await offered('validate', 'pol'), ['policy.yaml']);
    assert.deepEqual(await offered('trace', '/', '--policy', 'pol'), ['policy.yaml']);
    assert.deepEqual(await offered('drain', 'pol'), []);
    assert.deepEqual(await offered('drain', 'catalog', '--reason', 'pol'), []);
  });
}

describe('completion by bash', { skip: !installed('bash') }, () => {
  completes(async (...words) => {
    const { out } = await runHere(['completion', 'bash']);
    const line = ['switchyard', ...words];
    const ask = `${out}
COMP_WORDS=("$@") COMP_CWORD=${line.length - 1}
_switchyard
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = await run('bash', ['--norc', '-uec', ask, 'bash', ...line], { cwd });
    assert.equal(stderr, '');
    return stdout
      .split('\n')
      .filter(text => text !== '')
      .sort();
  });
});

describe('completion by fish', { skip: !installed('fish') }, () => {
  completes(async (...words) => {
    const { out } = await runHere(['completion', 'fish']);
    const script = join(cwd, 'switchyard.fish');
    writeFileSync(script, out);
    const line = ['switchyard', ...words].join(' ');
    const { stdout } = await run('fish', ['-Nc', `source ${script}; complete -C ${JSON.stringify(line)}`], { cwd });
    const offered = stdout.split('\n').map(text => text.split('\t')[0] ?? '');
    return offered.filter(text => text !== '').sort();
  });
});

describe('completion by zsh', () => {
  it('is a script that zsh takes', { skip: !installed('zsh') }, async () => {
    const { out } = await runHere(['completion', 'zsh']);
    const script = join(cwd, '_switchyard');
    writeFileSync(script, out);
    await run('zsh', ['-fc', `autoload -U compinit; compinit -D; source ${script}; whence _switchyard`]);
  });
  it('knows commands, flags and values', async () => {
    const { out } = await runHere(['completion', 'zsh']);
    assert.match(out, /^#compdef switchyard\n/);
    assert.match(
      out,
      / {4}'switchyard canary'\) plain=\('weights:show, set or end a shift of a rule'\\''s weights' 'status:which rules are shifted, and whether all proxies have it'\)/,
    );
    assert.match(out, / {4}'switchyard status -o'\|'switchyard status --output'\) compadd -- 'table' 'wide'/);
    assert.match(out, /'switchyard status'\|'switchyard ps'\) node='switchyard status' ;;/);
  });
});

it('a shell that is not known', async () => {
  const { code, err } = await runHere(['completion', 'ksh']);
  assert.equal(code, 1);
  assert.match(err, /Allowed choices are bash, zsh, fish/);
});
