import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AdminHere } from './admin-here.ts';

const here = new AdminHere();

describe('switchyard token', () => {
  it('makes a token that is good, lists it, and ends it', async () => {
    const made = await here.run('token', 'create', 'ci', '--role', 'operator', '--fleet', 'edge', '--expires', '1h');
    assert.equal(made.code, 0, made.err);
    assert.match(made.out, /^switchyard_[0-9a-f]{12}_[\w-]{43}\n$/);
    assert.match(made.err, /shown once/);
    const token = made.out.trim();
    assert.equal((await here.run('events', '--token', token)).code, 0);
    const list = await here.run('token', 'list');
    assert.match(list.out, /^ci +operator +edge +\* +2026-03-01T13:00:00\.000Z +admin$/m);
    assert.deepEqual((await here.run('token', 'list', '-o', 'name')).out, 'ci\n');
    assert.match((await here.run('token', 'revoke', 'ci')).out, /the token ci is good for nothing any more/);
    assert.equal((await here.run('events', '--token', token)).code, 1);
    const again = await here.run('token', 'revoke', 'ci');
    assert.deepEqual([again.code, again.out], [1, '']);
    assert.match((await here.run('token', 'list')).out, /no token but the first admin's/);
  });

  it('never ends by itself only where nothing was said of its end', async () => {
    const refused = await here.run('token', 'create', 'endless', '--expires', '');
    assert.deepEqual([refused.code, refused.out], [1, '']);
    assert.match(refused.err, /expiresIn/);
  });

  it('is for admins', async () => {
    const made = await here.run('token', 'create', 'viewer');
    const refused = await here.run('token', 'create', 'other', '--token', made.out.trim());
    assert.equal(refused.code, 1);
    assert.match(refused.err, /needs the role admin, and the token "viewer" is of a viewer/);
  });
});

describe('switchyard audit', () => {
  it('says who did what, and what was refused', async () => {
    await here.run('token', 'create', 'ci');
    await here.run('token', 'create', 'ci');
    const { code, out } = await here.run('audit');
    assert.equal(code, 0);
    const lines = out.trimEnd().split('\n');
    assert.match(lines[0] ?? '', /^AT +WHO +FROM +RESULT +WHAT +WHY$/);
    assert.match(
      lines[1] ?? '',
      /admin +127\.0\.0\.1 +refused 409 +POST \/api\/v1\/tokens +there is a token "ci" already\.$/,
    );
    assert.match(lines[2] ?? '', /admin +127\.0\.0\.1 +done 201 +POST \/api\/v1\/tokens$/);
    const refused = JSON.parse((await here.run('audit', '--result', 'refused', '-o', 'json')).out);
    assert.equal(refused.entries.length, 1);
    assert.match((await here.run('audit', '--who', 'nobody')).out, /nothing was done or refused/);
  });
});

describe('switchyard events', () => {
  it('lists what happened, filtered', async () => {
    assert.equal((await here.run('events')).out, 'nothing has happened\n');
    here.world.events.add({ type: 'revision', message: 'revision 1' });
    here.world.events.add({ type: 'ack', message: 'edge-1 has\n\u001b[31macknowledged', proxy: 'edge-1' });
    const { out } = await here.run('events');
    assert.match(out, /^2026-03-01T12:00:00\.000Z +revision +revision 1$/m);
    assert.ok(!out.includes('\u001b'), 'proxies say what they like');
    const found = JSON.parse((await here.run('events', '--proxy', 'edge-1', '-o', 'json')).out);
    assert.equal(found.events.length, 1);
    assert.equal((await here.run('events', '--type', 'akc')).code, 1);
  });
});

describe('switchyard log-level', () => {
  it('shows and changes it', async () => {
    assert.equal((await here.run('log-level')).out, 'error\n');
    assert.equal((await here.run('log-level', 'debug')).out, 'debug\n');
    assert.equal(here.world.options.log.level, 'debug');
    assert.equal((await here.run('log-level', 'loud')).code, 1);
  });
});
