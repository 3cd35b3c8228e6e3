import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type CliRun, runCommand } from '../support/cli.ts';
import { until } from '../support/until.ts';
import { edgePolicy, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

/** A policy whose service `app` has so many endpoints. */
const policy = (endpoints: number) =>
  edgePolicy(18_999, {
    services: {
      app: { endpoints: Array.from({ length: endpoints }, (_, n) => ({ address: `10.0.0.${n + 1}:80` })) },
      other: { endpoints: [{ address: '10.1.0.1:80' }] },
    },
    rules: [
      {
        name: 'all',
        to: [
          { service: 'app', weight: 9 },
          { service: 'other', weight: 1 },
        ],
      },
    ],
  });

/** A command, as an operator gives it. */
const cli = (...args: string[]): Promise<CliRun> =>
  runCommand([...args, '--admin', `127.0.0.1:${world.plane.adminPort}`, '--data', world.dataFolder], {
    cwd: world.folder,
  });
const good = async (...args: string[]): Promise<string> => {
  const { code, out, err } = await cli(...args);
  assert.equal(code, 0, `${args.join(' ')}: ${out}${err}`);
  return out;
};
const endpoints = async () => {
  const { body } = await world.plane.api<{ spec: { endpoints: unknown[] } }>('GET', '/api/v1/services/app');
  return body.spec.endpoints.length;
};
const current = async () => (await world.plane.policy()).revision?.number ?? 0;
const isHeld = async () => (await world.plane.policy()).warnings.some(each => each.code === 'policy.files_held');
/** Saves, and waits until that many endpoints are accepted. */
const saved = async (count: number) => {
  world.save(policy(count));
  await until(`${count} endpoints are accepted`, async () => (await endpoints()) === count);
};

before(async () => {
  await world.start(policy(4), []);
  await saved(5);
});

describe('what was, and the way back', () => {
  it('history and revision show who changed what', async () => {
    const now = await current();
    assert.match(
      await good('history'),
      new RegExp(`^REVISION +WHEN +WHO +WHAT\n${now} .* policy files +services/app changed\n`),
    );
    const [newest] = JSON.parse(await good('history', '-o', 'json')).revisions;
    assert.deepEqual([newest.number, newest.kind], [now, 'declared']);
    assert.match(await good('revision', 'show', String(now)), /--- .*switchyard\.yaml/);
    const diff = await cli('revision', 'diff', String(now - 1), String(now));
    assert.equal(diff.code, 2, 'there is a difference');
    assert.match(diff.out, /10\.0\.0\.5/);
    assert.equal(await good('revision', 'diff', String(now), String(now)), 'no difference\n');
    assert.equal(await good('revision', 'pin', '1', '--reason', 'the first'), 'revision 1 is kept for ever\n');
    assert.match(await good('history'), /\n1 \(pinned\) /);
    assert.match(await good('revision', 'pin', '1', '--undo'), /as long as others/);
    const missing = await cli('revision', 'show', '999');
    assert.deepEqual([missing.code, /There is no revision 999/.test(missing.err)], [1, true], missing.err);
    const nobody = await cli('history', '--proxy', 'edge-9');
    assert.deepEqual([nobody.code, /No proxy "edge-9"/.test(nobody.err)], [1, true], nobody.err);
  });

  it('rollback puts a revision in force, against the files', async () => {
    const last = await current();
    assert.match(await good('rollback', '1', '--reason', 'slow'), new RegExp(`^revision ${last + 1} is in force\n`));
    assert.equal(await endpoints(), 4);
    assert.match((await cli('status')).out, /policy\.files_held/);
    const again = await cli('rollback', '1');
    assert.deepEqual([again.code, /in force already/.test(again.err)], [1, true], again.err);
    assert.equal((await cli('rollback', '999')).code, 1);
    await saved(6);
    assert.equal(await isHeld(), false);
  });
});

describe('freeze and thaw', () => {
  it('hold what is accepted, let by name through what is asked, and end', async () => {
    const now = await current();
    assert.match(
      await good('freeze', '--reason', 'errors in eu'),
      new RegExp(`^frozen at revision ${now}, .*: errors in eu\n`),
    );
    await saved(7);
    assert.match(
      await good('freeze', '--list'),
      /\n1 change waiting:\nREVISION +WHEN +WHO +WHAT\n\d+ .*services\/app changed\n/,
    );
    const begun = performance.now();
    const waits = await cli('canary', 'weights', 'shop/all', 'app=1', 'other=1', '--wait', '--timeout', '60s');
    assert.equal(waits.code, 2, waits.err);
    assert.match(waits.out, /it waits for the end of the freeze, by .*"switchyard thaw" ends it/);
    assert.ok(performance.now() - begun < 30_000, 'without waiting');
    const passes = await good('canary', 'weights', 'shop/all', 'app=1', 'other=1', '--during-freeze');
    assert.match(passes, /\nchanged what these hold: edge\n/);
    assert.match(
      await good('drain', 'app', '10.0.0.1:80'),
      /\nit waits for the end of the freeze: .*\nwill change what/,
    );
    const unknown = await cli('drain', 'app', '10.0.0.7:80', '--during-freeze');
    assert.deepEqual(
      [unknown.code, /In what is frozen: Service "app" has no endpoint/.test(unknown.err)],
      [1, true],
      unknown.err,
    );
    assert.match((await cli('status')).out, /\nfrozen at revision \d+, .*: errors in eu\n\d changes waiting; /);
    assert.match(await good('thaw'), /^not frozen/);
    assert.equal((await cli('thaw')).code, 1);
    const to = await cli('freeze', '--to', '1');
    assert.match(to.out, /^frozen at revision 1, /);
    await good('thaw');
    await good('drain', 'app', '--undo');
    await good('canary', 'weights', 'shop/all', '--end');
  });
});

describe('accept', () => {
  it('takes the save that was refused', async () => {
    world.save(policy(2));
    await until('it is refused', async () => (await world.plane.policy()).rejected?.digest !== undefined);
    assert.match((await cli('status')).out, /a save was refused[\s\S]*policy\.shrinks/);
    assert.match(await good('accept', '--reason', 'they are gone'), /^revision \d+ is in force\n/);
    assert.equal(await endpoints(), 2);
    const none = await cli('accept');
    assert.deepEqual([none.code, /waits to be accepted/.test(none.err)], [1, true], none.err);
    assert.equal((await cli('accept', 'app.test')).code, 1);
  });
});

describe('backup and restore', () => {
  const file = path.join(world.folder, 'backup.gz');

  it('put everything back while the server runs', async () => {
    const before = await endpoints();
    assert.match(await good('backup', file), /backup\.gz: \d+ bytes\n$/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    await saved(3);
    assert.match(await good('restore', file, '--yes'), /^the backup is in force, as revision \d+\n$/);
    assert.equal(await endpoints(), before);
    assert.equal(await isHeld(), true);
    assert.equal((await cli('restore', path.join(world.folder, 'none.gz'), '--yes')).code, 1);
  });

  it('hold the files back also where no server ran, until they change', async () => {
    const before = 2;
    await saved(4);
    await world.plane.stop();
    assert.match(await good('restore', file, '--yes'), /^no server runs on .*; the backup stands there/);
    for (let start = 0; start < 2; start++) {
      await world.plane.start();
      await until('the files are held back', isHeld);
      assert.equal(await endpoints(), before, `start ${start}`);
      assert.match((await cli('status')).out, /policy\.files_held/);
      if (start === 0) await world.plane.stop('SIGKILL');
    }
    await saved(5);
    assert.equal(await isHeld(), false);
    const [newest] = JSON.parse(await good('history', '-o', 'json')).revisions;
    assert.equal(newest.what, 'services/app changed');
  });
});
