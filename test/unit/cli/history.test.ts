import assert from 'node:assert/strict';
import { lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseMoment } from '../../../src/cli/moment.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { now } from '../admin/admin-world.ts';
import { AdminHere, edge } from './admin-here.ts';
import { runHere } from './here.ts';

const admin = new AdminHere();
const ready = () => {
  admin.world.accept();
  admin.world.connect(1, 'edge-1', edge);
};

describe('moments', () => {
  it('are times of day that were last, spans and dates', () => {
    const at = new Date(2026, 2, 1, 12, 0, 0).getTime();
    assert.equal(parseMoment('11:30', at), new Date(2026, 2, 1, 11, 30).toISOString());
    assert.equal(parseMoment('14:02:07', at), new Date(2026, 1, 28, 14, 2, 7).toISOString());
    assert.equal(parseMoment('10m ago', at), new Date(at - 600_000).toISOString());
    assert.equal(parseMoment('2026-02-28T14:02:00Z', at), '2026-02-28T14:02:00.000Z');
    for (const wrong of ['24:00', '12:60', 'noon', 'soon ago'])
      assert.throws(() => parseMoment(wrong, at), /no moment/);
  });
});

describe('switchyard history', () => {
  it('lists what was accepted', async () => {
    ready();
    const { code, out } = await admin.run('history');
    assert.equal(code, 0);
    assert.match(out, /^REVISION +WHEN +WHO +WHAT\n7 +.* ago +bob +services\/catalog changed\n$/);
  });

  it('says what a proxy was to hold, and by whom', async () => {
    ready();
    const at = new Date(now - 30_000).toISOString();
    const { code, out } = await admin.run('history', '--proxy', 'edge-1', '--at', at);
    assert.equal(code, 0);
    assert.equal(
      out,
      `edge-1 of fleet edge, at ${at}: version a\n` +
        'in force since 2026-03-01T11:59:00.000Z, until 2026-03-01T11:59:59.000Z\n' +
        'by bob, policy: changed\n' +
        'revision 7, accepted 2026-03-01T12:00:00.000Z\n',
    );
    assert.equal((await admin.run('history', '--at', at)).code, 1);
    assert.match((await admin.run('history', '--proxy', 'edge-9')).err, /No proxy "edge-9" of a fleet is known/);
  });
});

describe('switchyard rollback, accept, revision, freeze, thaw', () => {
  it('say what came of it', async () => {
    ready();
    admin.world.changed();
    assert.match((await admin.run('rollback', '7', '--reason', 'slow')).out, /^revision 7 is in force\n/);
    assert.match((await admin.run('accept')).out, /^revision 7 is in force\n/);
    assert.match((await admin.run('accept', 'app.internal')).out, /^app.internal has no other addresses/);
    assert.equal((await admin.run('revision', 'pin', '7')).out, 'revision 7 is kept for ever\n');
    assert.match((await admin.run('revision', 'show', '7')).out, /7 \(pinned\)[\s\S]*--- switchyard.yaml\n\nservices:/);
    assert.equal((await admin.run('revision', 'diff', '7', '7')).out, 'no difference\n');
    assert.match((await admin.run('freeze', '--list')).out, /^not frozen[\s\S]*known to be good:\nREVISION/);
    const frozen = await admin.run('freeze', '--to', '7', '--reason', 'errors');
    assert.match(frozen.out, /^frozen at revision 7, .* ago by .*: errors\n/);
    const outcome = admin.world.done(undefined);
    assert.ok(outcome.kind === 'done');
    admin.world.control.answer = { ...outcome, effect: { ...outcome.effect, waitsForThaw: true } };
    const waits = await admin.run('canary', 'weights', 'shop/everyone', '--end');
    assert.deepEqual(
      [
        waits.code,
        /^.*has ended\nit waits for the end of the freeze: .*\nwill change what these hold: edge\n$/.test(waits.out),
      ],
      [0, true],
      waits.out,
    );
    const waited = await admin.run('canary', 'weights', 'shop/everyone', '--end', '--wait', '--timeout', '60s');
    assert.equal(waited.code, 2);
    assert.match(waited.out, /it waits for the end of the freeze, by .* "switchyard thaw" ends it/);
    admin.world.control.asked.length = 0;
    await admin.run('drain', 'catalog', '10.0.0.1:8080', '--during-freeze');
    assert.deepEqual((admin.world.control.asked[0] as unknown[]).at(-1), { force: false, duringFreeze: true });
    assert.match((await admin.run('thaw')).out, /^not frozen/);
    assert.equal((await admin.run('thaw')).code, 1);
    assert.equal((await admin.run('freeze', '--to', 'x')).code, 1);
  });
});

/** As `fetch` says that nobody listens. */
const refusing = async (): Promise<Response> => {
  throw new TypeError('fetch failed', { cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }) });
};

describe('switchyard backup and restore', () => {
  const url = 'http://127.0.0.1:1';
  const broken = async () => {
    throw new TypeError('fetch failed', { cause: Object.assign(new Error('gone'), { code: 'ECONNRESET' }) });
  };
  const elsewhere = join(temporaryDirectory(), 'none');
  const unsafe = {
    'a server that broke off': [
      { url, send: broken, token: 'x', dataFolder: temporaryDirectory() },
      /switchyard history/,
    ],
    'a server of another machine': [
      { url: 'https://cp.internal:1', send: refusing, token: 'x', dataFolder: temporaryDirectory() },
      /another machine's/,
    ],
    'a folder that is none of its': [{ url, token: undefined, dataFolder: elsewhere }, /there is no .*none either/],
  } as const;
  for (const [name, [target, why]] of Object.entries(unsafe)) {
    it(`fills no data directory in place of ${name}`, async () => {
      ready();
      const file = join(temporaryDirectory(), 'backup.gz');
      assert.equal((await admin.run('backup', file)).code, 0);
      const restored: unknown[] = [];
      const { code, err } = await runHere(['restore', file, '--yes'], {
        adminTarget: () => target,
        restoreStopped: async (...given) => void restored.push(given[0]),
      });
      assert.deepEqual([code, restored], [1, []], err);
      assert.match(err, why);
    });
  }

  it('ask a person before a data directory is filled', async () => {
    ready();
    const file = join(temporaryDirectory(), 'backup.gz');
    assert.equal((await admin.run('backup', file)).code, 0);
    const answers = ['y', 'n'];
    const questions: string[] = [];
    const { code, err } = await runHere(['restore', file], {
      adminTarget: () => ({ url, send: refusing, token: 'x', dataFolder: temporaryDirectory() }),
      ask: async question => {
        questions.push(question);
        return answers.shift() ?? '';
      },
      restoreStopped: async () => assert.fail('it was filled'),
    });
    assert.deepEqual([code, err, questions.length], [1, 'error: nothing was done\n', 2]);
  });

  it('puts a backup in the place of files alone', async () => {
    ready();
    const link = join(temporaryDirectory(), 'stdout');
    symlinkSync('/dev/null', link);
    const { code, err } = await admin.run('backup', link);
    assert.deepEqual([code, /is there, and no file/.test(err)], [1, true], err);
    assert.ok(lstatSync(link).isSymbolicLink());
  });

  it('write a file and put it back, into a directory where no server runs', async () => {
    ready();
    const file = join(temporaryDirectory(), 'backup.gz');
    assert.equal((await admin.run('backup', file)).code, 0);
    assert.ok(readFileSync(file).length > 50);
    admin.world.changed();
    assert.equal((await admin.run('restore', file)).out, 'the backup is in force, as revision 7\n');
    const folder: unknown[] = [];
    const data = temporaryDirectory();
    const stopped = await runHere(['restore', file], {
      adminTarget: () => ({ url: 'http://127.0.0.1:1', send: refusing, token: 'none', dataFolder: data }),
      restoreStopped: async (...given) => void folder.push(given[0]),
    });
    assert.deepEqual([stopped.code, folder], [0, [data]], stopped.err);
    writeFileSync(file, 'garbage');
    assert.match((await admin.run('restore', file)).err, /no backup of Switchyard/);
    const asked = await runHere(['restore', file], { adminTarget: admin.target, ask: async () => 'n' });
    assert.deepEqual([asked.code, asked.err], [1, 'error: nothing was done\n']);
  });
});
