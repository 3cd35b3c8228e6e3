import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type RunningAdmin, startAdmin } from '../../../src/admin/server.ts';
import { switchyardProgram } from '../../../src/cli/program.ts';
import { writeBackup } from '../../../src/store/backup.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { AdminWorld, token, typeUrls } from '../admin/admin-world.ts';
import { shopPolicy, world } from '../control/controller-world.ts';
import { hostOf, runHere } from './here.ts';
import { leaves } from './program-walk.ts';

let admin: RunningAdmin;
let around: ReturnType<typeof world>;

beforeEach(async () => {
  around = world();
  await around.submit(shopPolicy());
  const options = new AdminWorld();
  const { controller: control, board } = around;
  admin = await startAdmin({ ...options.options, control, board });
  options.connect(1, 'edge-1', { kind: 'assigned', key: 'edge' });
});
afterEach(() => admin.close());

function run(...args: readonly string[]) {
  const text = 'services:\n  other:\n    endpoints: [{ address: "10.0.9.9:80" }]\n';
  return runHere(args, {
    adminTarget: () => ({ url: `http://127.0.0.1:${admin.port}`, token, dataFolder: './data' }),
    readDocuments: async file => ({ documents: [{ file, format: 'yaml', text }], problems: [] }),
  });
}

function quarantine() {
  const version = around.board.current?.snapshots.get('edge')?.types.get(typeUrls.Cluster)?.resources.get('other');
  const content = { fleet: 'edge', typeUrl: typeUrls.Cluster, name: 'other', version: version?.version ?? '' };
  const found = { ...content, message: 'no', proxies: ['a', 'b'], instead: undefined };
  return around.controller.changeQuarantine({ found });
}

const edge = /^fleet edge is changed: \d resources?, 1 proxy$/m;

/** A command line of each command that has the flag, and what it says. */
const lines: readonly (readonly [string, RegExp, (() => unknown)?])[] = [
  ['canary weights shop/everyone catalog@v1=1 catalog@v2=1', edge],
  ['canary weights shop/everyone --end', edge, () => around.shift({ 'catalog@v1': 1, 'catalog@v2': 1 })],
  ['drain catalog 10.0.0.1:80', /^ {2}~ EDS catalog@v1$/m],
  ['drain catalog --force --disable', /^ {2}~ EDS catalog@v2$/m],
  ['drain catalog --undo', edge, () => around.drain('10.0.0.1:80')],
  ['maintenance catalog', /^ {2}~ RDS gateway\/public$/m],
  ['maintenance --route shop', edge],
  ['rollback 1', /^ {2}\+ CDS catalog@v1$/m, () => around.submit(shopPolicy({ to: '[{ service: other }]' }))],
  [
    'accept',
    /policy\.shrinks/,
    () => around.submit(shopPolicy({ endpoints: '[{ address: "10.0.0.3:80", labels: { version: v2 } }]' })),
  ],
  ['freeze --to 1', /^ {2}\+ CDS catalog@v1$/m, () => around.submit(shopPolicy({ to: '[{ service: other }]' }))],
  ['thaw', /^nothing changes for any fleet$/m, () => around.controller.freezing.freeze({ by: 'ada' })],
  ['apply x.yaml --take-over', /^ {2}~ EDS other$/m],
  [
    'delete services/cart',
    /^nothing changes for any fleet$/m,
    () => {
      const change = { kind: 'put', spec: { endpoints: [] } } as const;
      return around.controller.edit([{ kind: 'services', name: 'cart', change }], { by: 'ada' });
    },
  ],
  ['retry edge-1', /^nothing is withheld from edge-1/],
  ['quarantine release edge CDS other', /^ {2}\+ CDS other$/m, quarantine],
];

describe('--dry-run', () => {
  for (const [line, says, before] of lines) {
    it(`of "${line}" changes nothing, and says what it would lead to`, async () => {
      await before?.();
      await around.quiet();
      const state = () => [around.store.lastNumber(), around.board.current, around.controller.freezing.status];
      const earlier = state();
      const { code, out, err } = await run(...line.split(' '), '--dry-run');
      assert.equal(code, 0, err);
      assert.match(out, says);
      assert.deepEqual(state(), earlier);
    });
  }

  it('of a backup says what it would lead to, and needs a server', async () => {
    const file = join(temporaryDirectory(), 'backup.gz');
    writeFileSync(file, await writeBackup(around.controller.revisions.contents(), 5));
    await around.submit(shopPolicy({ to: '[{ service: other }]' }));
    const { code, out } = await run('restore', file, '--dry-run');
    assert.equal(code, 0);
    assert.match(out, edge);
    assert.equal(around.store.lastNumber(), 2);
    await admin.close();
    const stopped = await run('restore', file, '--dry-run');
    assert.equal(stopped.code, 1);
    assert.match(stopped.err, /no admin API at/);
  });

  it('fails for what would be refused for what services would lose', async () => {
    await around.submit(shopPolicy({ endpoints: '[{ address: "10.0.0.3:80", labels: { version: v2 } }]' }), {
      allowShrink: true,
    });
    await around.submit(shopPolicy());
    const refused = await run('rollback', '2', '--dry-run');
    assert.equal(refused.code, 1);
    assert.match(refused.out, /policy\.shrinks/);
    assert.match(refused.err, /would be refused.*--allow-shrink/);
    assert.equal((await run('rollback', '2', '--dry-run', '--allow-shrink')).code, 0);
  });

  it('is machine-readable', async () => {
    const { out } = await run('drain', 'catalog', '10.0.0.1:80', '--dry-run', '-o', 'json');
    assert.equal(JSON.parse(out).effect.fleets[0].resources[0].name, 'catalog@v1');
  });

  it('says while all is frozen that it waits', async () => {
    await run('freeze');
    assert.match((await run('drain', 'catalog', '10.0.0.1:80', '--dry-run')).out, /frozen: .*after "switchyard thaw"/);
    assert.match(
      (await run('drain', 'catalog', '10.0.0.1:80')).out,
      /waits for the end of the freeze: "switchyard thaw"/,
    );
  });

  it('is a flag of every command that changes what proxies hold', () => {
    const having = leaves(switchyardProgram(hostOf({})), 'switchyard').flatMap(([name, command]) =>
      command.options.some(each => each.long === '--dry-run') ? [name.replace('switchyard ', '')] : [],
    );
    const tested = having.filter(name => lines.some(([line]) => line.startsWith(name)));
    assert.deepEqual(
      having.filter(name => !tested.includes(name)),
      ['restore'],
    );
  });
});

describe('switchyard diff with two revisions', () => {
  it('is "revision diff"', async () => {
    await around.submit(shopPolicy({ to: '[{ service: other }]' }));
    const [short, long] = [await run('diff', '1', '2'), await run('revision', 'diff', '1', '2')];
    assert.deepEqual([short.code, short.out], [2, long.out]);
    assert.match(short.out, /^changed switchyard\.yaml\n/);
    assert.equal((await run('diff', '1', '1')).code, 0);
    assert.match((await run('diff', 'a.yaml', '2')).err, /one path, or the numbers of two revisions/);
  });
});
