import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { mostTokens, Tokens, tokensFile } from '../../../src/access/tokens.ts';
import { StoreError } from '../../../src/store/store.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const adminToken = 'the-first-token-the-first-token-the-first';
const start = Date.parse('2026-03-01T12:00:00Z');
const about = { role: 'operator', createdBy: 'admin' } as const;

function opened(directory = temporaryDirectory(), now = () => start) {
  return { directory, tokens: new Tokens({ directory, adminToken, now }) };
}

function create(tokens: Tokens, name: string, more: Partial<Parameters<Tokens['create']>[0]> = {}): string {
  const outcome = tokens.create({ name, ...about, ...more });
  assert.equal(outcome.kind, 'created', JSON.stringify(outcome));
  return outcome.kind === 'created' ? outcome.token : '';
}

describe('the tokens of a data directory', () => {
  it('are good after a restart, with role and scope, and the file has none of them', () => {
    const { directory, tokens } = opened();
    const token = create(tokens, 'ci', { fleets: ['edge'], kinds: ['routes'] });
    assert.match(token, /^switchyard_[0-9a-f]{12}_[\w-]{43}$/);
    const text = readFileSync(join(directory, tokensFile), 'utf8');
    assert.ok(!text.includes(token.slice(-43)), 'only its hash is kept');
    assert.equal(statSync(join(directory, tokensFile)).mode & 0o777, 0o600);
    const again = opened(directory).tokens;
    const [info] = again.list();
    const caller = { id: info?.id, name: 'ci', role: 'operator', fleets: ['edge'], kinds: ['routes'] };
    assert.deepEqual(again.verify(token), { kind: 'good', caller });
    assert.equal(info?.createdAt, start);
    assert.ok(!JSON.stringify(again.list()).includes('hash'));
  });

  it('knows the first admin by the token in the file, and nobody else', () => {
    const { tokens } = opened();
    const caller = { id: '', name: 'admin', role: 'admin' };
    assert.deepEqual(tokens.verify(adminToken), { kind: 'good', caller });
    const token = create(tokens, 'ci');
    for (const wrong of [
      '',
      'x',
      `${adminToken}x`,
      adminToken.slice(1),
      `${token}x`,
      token.slice(0, -1),
      token.toUpperCase(),
    ]) {
      assert.deepEqual(tokens.verify(wrong), { kind: 'unknown' }, wrong);
    }
    assert.equal(tokens.create({ name: 'admin', ...about }).kind, 'refused');
  });

  it('end what goes on for long when they are revoked, also what begins only then', () => {
    const { tokens } = opened();
    const verdict = tokens.verify(create(tokens, 'ci'));
    assert.equal(verdict.kind, 'good');
    const caller = { id: verdict.kind === 'good' ? verdict.caller.id : '' };
    assert.equal(tokens.revoked(caller).aborted, false);
    tokens.revoke('ci');
    assert.equal(tokens.revoked(caller).aborted, true, 'it was revoked between two looks');
    assert.equal(tokens.revoked({ id: '' }).aborted, false, 'the first admin is in no file');
  });

  it('are nobody once they are revoked or have expired', () => {
    let now = start;
    const { directory, tokens } = opened(temporaryDirectory(), () => now);
    const token = create(tokens, 'night', { expiresAt: start + 1000 });
    const signal = tokens.revoked({ id: tokens.list()[0]?.id ?? '' });
    assert.equal(tokens.verify(token).kind, 'good');
    now = start + 1000;
    assert.deepEqual(tokens.verify(token), { kind: 'expired' });
    assert.equal(tokens.create({ name: 'night', ...about }).kind, 'refused', 'its name is taken while it is listed');
    assert.equal(signal.aborted, false);
    assert.equal(tokens.revoke('night'), true);
    assert.equal(signal.aborted, true, 'what goes on under it ends');
    assert.equal(tokens.revoke('night'), false);
    assert.deepEqual(tokens.verify(token), { kind: 'unknown' });
    assert.deepEqual(opened(directory).tokens.list(), []);
  });

  it('are bounded', () => {
    const { directory } = opened();
    const record = (id: number) => {
      const hash = '0'.repeat(64);
      return { id: String(id), name: `token-${id}`, role: 'viewer', createdAt: start, createdBy: 'admin', hash };
    };
    const all = Array.from({ length: mostTokens }, (_, id) => record(id));
    writeFileSync(join(directory, tokensFile), JSON.stringify({ format: 1, tokens: all }));
    assert.equal(opened(directory).tokens.create({ name: 'more', ...about }).kind, 'refused');
  });

  it('change nothing when they cannot be stored', () => {
    const { directory, tokens } = opened();
    const token = create(tokens, 'ci');
    renameSync(directory, `${directory}-away`);
    assert.throws(() => tokens.create({ name: 'other', ...about }), StoreError);
    assert.throws(() => tokens.revoke('ci'), StoreError);
    renameSync(`${directory}-away`, directory);
    assert.equal(tokens.verify(token).kind, 'good');
    assert.deepEqual(
      opened(directory)
        .tokens.list()
        .map(each => each.name),
      ['ci'],
    );
  });

  it('of a damaged file are nobody, are said to be lost, and the file is kept', () => {
    const { directory, tokens } = opened();
    const token = create(tokens, 'ci');
    const path = join(directory, tokensFile);
    const text = readFileSync(path, 'utf8');
    for (const damaged of [text.slice(0, -20), text.replace('"operator"', '"root"'), '', '[]']) {
      writeFileSync(path, damaged);
      const { tokens: after } = opened(directory);
      assert.match(after.damage ?? '', /tokens\.json cannot be read/);
      assert.deepEqual(after.verify(token), { kind: 'unknown' });
      assert.equal(after.verify(adminToken).kind, 'good', 'the first admin can mend it');
    }
    const { tokens: mended } = opened(directory);
    create(mended, 'new');
    assert.equal(readFileSync(`${path}.damaged`, 'utf8'), '[]');
    assert.ok(mended.revoke('new'));
    create(mended, 'new');
    assert.equal(readFileSync(`${path}.damaged`, 'utf8'), '[]', 'also when it has none left');
    assert.deepEqual(
      opened(directory)
        .tokens.list()
        .map(each => each.name),
      ['new'],
    );
  });

  it('leave nothing half written beside them', () => {
    const { directory, tokens } = opened();
    create(tokens, 'ci');
    assert.deepEqual(readdirSync(directory), [tokensFile]);
    assert.equal(existsSync(join(directory, `${tokensFile}.damaged`)), false);
  });
});
