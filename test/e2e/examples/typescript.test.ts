import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { runCommand } from '../../support/cli.ts';
import { Example } from '../../support/example.ts';
import { assertValues } from '../../support/statistics.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const example = await Example.start('typescript');
after(() => example[Symbol.asyncDispose]());

const root = path.join(import.meta.dirname, '..', '..', '..');
const file = path.join(root, 'examples', 'typescript', 'switchyard.ts');
const machines = ['10.0.0.11', '10.0.0.12', '10.0.0.13'];

describe('a policy in TypeScript', () => {
  it('has what its loops say: every service on every machine', async () => {
    const ports = { catalog: '', checkout: ':8082', search: ':8083' };
    for (const [service, port] of Object.entries(ports)) {
      await example.healthy(service, machines.length);
      assertValues(
        await example.answers(60, `/${service}`),
        machines.map(machine => `${machine}${port}`),
      );
    }
    assert.equal((await example.ask('/other')).status, 404);
  });

  it('is checked by the schema of all others', async () => {
    const { code, err } = await runCommand(['validate', file], { cwd: root });
    assert.equal(code, 0, err);
    const source = readFileSync(file, 'utf8');
    const wrong = path.join(temporaryDirectory(), 'switchyard.ts');
    const library = JSON.stringify(pathToFileURL(path.join(root, 'src', 'index.ts')).href);
    writeFileSync(wrong, source.replace("'../../src/index.ts'", library).replace('healthCheck:', 'healthChek:'));
    const found = await runCommand(['validate', wrong], { cwd: root });
    assert.equal(found.code, 1);
    assert.match(found.out + found.err, /did you mean "healthCheck"/);
  });
});
