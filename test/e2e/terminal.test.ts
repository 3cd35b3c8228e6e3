import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import { runCommand } from '../support/cli.ts';
import { PseudoTerminal } from '../support/pseudo-terminal.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { edgePolicy, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const port = await world.port();
const backend = await world.backend('one');
const services = { catalog: { endpoints: [{ address: backend.address }] } };
await world.start(edgePolicy(port, { services, rules: [{ to: [{ service: 'catalog' }] }] }), [
  { id: 'edge-1', cluster: 'edge' },
]);

const escapes = '\u001b';
const server = () => ['--data', world.dataFolder, '--admin', `127.0.0.1:${world.plane.adminPort}`];
const terminal = (args: readonly string[], env?: Readonly<Record<string, string>>) =>
  new PseudoTerminal(args, world.folder, env);

describe('the command line, on a terminal', () => {
  it('has colours, and none with NO_COLOR', async () => {
    await using coloured = terminal(['status', ...server()]);
    assert.equal(await coloured.ended(), 0);
    assert.match(coloured.text, /edge-1.*synced/);
    assert.ok(coloured.text.includes(`${escapes}[32m`), JSON.stringify(coloured.text));
    await using plain = terminal(['status', ...server()], { NO_COLOR: '1' });
    assert.equal(await plain.ended(), 0);
    assert.ok(!plain.text.includes(`${escapes}[3`), JSON.stringify(plain.text));
  });

  it('redraws what it watches in place, and ends at Ctrl-C', async () => {
    await using watched = terminal(['status', '--watch', ...server()]);
    const home = `${escapes}[H`;
    const first = await watched.shows(home);
    const second = await watched.shows(home, first);
    await watched.shows(/edge-1.*synced/, second);
    watched.type('\u0003');
    assert.notEqual(await watched.ended(), null);
  });

  it('asks before it applies, and does what the answer says', async () => {
    const file = join(world.folder, 'cart.yaml');
    writeFileSync(file, `services: { cart: { endpoints: [{ address: "${backend.address}" }] } }\n`);
    await using refused = terminal(['apply', file, ...server()]);
    await refused.shows('Do it? [y/N] ');
    refused.type('n\r');
    assert.equal(await refused.ended(), 1);
    assert.match(refused.text, /nothing was changed/);
    assert.equal((await runCommand(['get', 'services/cart', ...server()], { cwd: world.folder })).code, 1);

    await using ended = terminal(['apply', file, ...server()]);
    await ended.shows('Do it? [y/N] ');
    ended.type('\u0003');
    assert.equal(await ended.ended(), 1);
    assert.match(ended.text, /ended; nothing was done/);

    await using done = terminal(['apply', file, ...server()]);
    await done.shows('Do it? [y/N] ');
    done.type('y\r');
    assert.equal(await done.ended(), 0, done.text);
    assert.equal((await runCommand(['get', 'services/cart', ...server()], { cwd: world.folder })).code, 0);
  });

  it('init asks, shows what it is going to write, and writes nothing when it is ended', async () => {
    const folder = join(temporaryDirectory(), 'shop');
    await using ended = terminal(['init', folder]);
    await ended.shows('by hand [hand]: ');
    ended.type('\u0003');
    assert.equal(await ended.ended(), 1);
    assert.ok(!existsSync(folder));

    await using asked = terminal(['init', folder]);
    for (const [question, answer] of [
      ['by hand [hand]: ', 'systemd'],
      ['service [web]: ', 'shop'],
      ['[an example]: ', '10.0.0.1:80'],
      ['callers [8000]: ', '80'],
      ['the Envoys [', 'edge-1'],
      ['control plane [127.0.0.1:18000]: ', ''],
    ] as const) {
      await asked.shows(question);
      asked.type(`${answer}\r`);
    }
    await asked.shows('Write them? [Y/n] ');
    assert.ok(!existsSync(folder), 'nothing is written before that');
    asked.type('\r');
    assert.equal(await asked.ended(), 0, asked.text);
    assert.equal(parse(readFileSync(join(folder, 'switchyard.yaml'), 'utf8')).gateways.public.listeners[0].port, 80);
  });
});

describe('the command line, in a pipe', () => {
  it('has no colours, and asks nothing', async () => {
    const status = await runCommand(['status', ...server()], { cwd: world.folder, env: { TERM: 'xterm-256color' } });
    assert.ok(!status.out.includes(escapes));
    const folder = join(temporaryDirectory(), 'shop');
    const init = await runCommand(['init', folder], { cwd: world.folder });
    assert.deepEqual([init.code, init.err], [0, '']);
    const file = join(world.folder, 'two.yaml');
    writeFileSync(file, `services: { two: { endpoints: [{ address: "${backend.address}" }] } }\n`);
    const apply = await runCommand(['apply', file, ...server()], { cwd: world.folder });
    assert.equal(apply.code, 0, apply.err);
  });

  it('ends quietly when nobody reads on', async () => {
    const main = join(import.meta.dirname, '../../src/cli/main.ts');
    const script = '"$0" "$@" | head -n 1; echo "${PIPESTATUS[0]}"';
    const args = ['-c', script, process.execPath, main, 'config', 'edge-1', '-o', 'json', ...server()];
    const child = spawn('bash', args, { cwd: world.folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    const texts = { out: '', err: '' };
    child.stdout.on('data', chunk => {
      texts.out += chunk;
    });
    child.stderr.on('data', chunk => {
      texts.err += chunk;
    });
    await new Promise(resolve => child.once('close', resolve));
    assert.deepEqual(texts, { out: '{\n0\n', err: '' });
  });
});
