import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type RunningAdmin, startAdmin } from '../../../src/admin/server.ts';
import { AdminClient, AdminRefusal, resources, transact } from '../../../src/client.ts';
import { AdminWorld, token } from '../admin/admin-world.ts';
import { shopPolicy, world } from '../control/controller-world.ts';
import { runHere } from './here.ts';

const cart = 'services:\n  cart:\n    endpoints: [{ address: "10.0.2.1:80" }]\n';
let admin: RunningAdmin;
let around: ReturnType<typeof world>;

beforeEach(async () => {
  around = world();
  await around.submit(shopPolicy());
  const { controller: control, board } = around;
  admin = await startAdmin({ ...new AdminWorld().options, control, board });
});
afterEach(() => admin.close());

const target = () => ({ url: `http://127.0.0.1:${admin.port}`, token, dataFolder: './data' });

function run(args: readonly string[], text = cart, ask?: (question: string) => Promise<string>) {
  return runHere(args, {
    adminTarget: target,
    readDocuments: async file => ({ documents: [{ file, format: 'yaml', text }], problems: [] }),
    ...(ask ? { ask } : {}),
  });
}

const numberNow = () => around.store.latestRevision()?.number;

describe('switchyard apply, get, diff and delete', () => {
  it('put what files declare on the server, show it and take it away', async () => {
    const applied = await run(['apply', 'cart.yaml', '--reason', 'new']);
    assert.equal(applied.code, 0, applied.err);
    assert.match(applied.out, /^cart\.yaml is in revision 2\n/);
    assert.equal(around.store.latestRevision()?.reason, 'new');
    const listed = await run(['get', 'services']);
    assert.match(listed.out, /^services\/cart +api +[0-9a-f]{16} +api:services\/cart:\d+$/m);
    assert.match(listed.out, /^services\/catalog +files +[0-9a-f]{16} +switchyard\.yaml:3$/m);
    assert.deepEqual((await run(['get', 'services', '-o', 'name'])).out.split('\n').slice(0, 2), [
      'services/cart',
      'services/catalog',
    ]);
    assert.match((await run(['get', 'service/cart'])).out, /"address": "10\.0\.2\.1:80"/);
    const tried = await run(['delete', 'services/cart', '--dry-run']);
    assert.match(tried.out, /nothing changes for any fleet/);
    assert.equal(numberNow(), 2);
    assert.equal((await run(['delete', 'services/cart'])).code, 0);
    assert.equal(around.controller.accepted?.policy.services['cart'], undefined);
  });

  it('asks where somebody can answer, after it has shown what would happen', async () => {
    const questions: string[] = [];
    const ask = (reply: string) => async (question: string) => {
      questions.push(question);
      return reply;
    };
    const refused = await run(['apply', 'cart.yaml'], cart, ask('n'));
    assert.deepEqual([refused.code, numberNow()], [1, 1]);
    assert.match(refused.err, /nothing changes for any fleet[\s\S]*nothing was changed/);
    assert.equal((await run(['apply', 'cart.yaml'], cart, ask('y'))).code, 0);
    assert.equal((await run(['apply', 'cart.yaml', '--yes'], cart, ask('n'))).code, 0);
    assert.equal(questions.length, 2);
  });

  it('refuses what belongs to files, with where that is', async () => {
    const other = 'services:\n  other:\n    endpoints: [{ address: "10.0.9.9:80" }]\n';
    const { code, err } = await run(['apply', 'other.yaml'], other);
    assert.equal(code, 1);
    assert.match(err, /switchyard\.yaml:\d+:3[\s\S]*--take-over/);
    const preview = await run(['apply', 'other.yaml', '--take-over', '--dry-run'], other);
    assert.match(preview.out, /^fleet edge is changed: 1 resource, 0 proxies$/m);
    assert.match(preview.out, /^ {2}~ EDS other$/m);
    assert.match(preview.out, /no connection is closed/);
    assert.equal((await run(['apply', 'other.yaml', '--take-over'], other)).code, 0);
    const removal = await run(['delete', 'services/catalog']);
    assert.match(removal.err, /belongs to the policy files.*remove it there/s);
  });

  it('shows what differs, and says so by its exit code', async () => {
    assert.equal((await run(['diff', 'shop.yaml'], shopPolicy())).code, 0);
    const other = shopPolicy().replace('10.0.1.1:80', '10.0.9.9:80');
    const { code, out } = await run(['diff', 'shop.yaml'], other);
    assert.equal(code, 2);
    assert.match(out, /^services\/other\n {2}endpoints\[0\]\.address: "10\.0\.1\.1:80" → "10\.0\.9\.9:80"$/m);
    assert.match(out, /^fleet edge is changed/m);
    assert.match((await run(['diff', 'cart.yaml'])).out, /only on the server: .*services\/catalog/);
    assert.equal(numberNow(), 1);
  });

  it('says what is wrong with a name or with files', async () => {
    assert.match((await run(['get', 'thing/a'])).err, /"thing\/a" is no resource.*services, gateways/);
    assert.match((await run(['delete', 'services'])).err, /services\/NAME/);
    const broken = await run(['apply', 'cart.yaml'], 'services: { cart: { endpoints: 7 } }');
    assert.match(broken.err, /cart\.yaml:1:.*schema\.invalid_type/s);
    assert.match((await run(['get', 'services/cat'])).err, /There is no "cat"/);
  });
});

describe('AdminClient', () => {
  it('calls operations by their declarations, with their types', async () => {
    const client = new AdminClient({ ...target(), author: 'a program' });
    const spec = { endpoints: [{ address: '10.0.2.1:80' }] };
    const changes = [{ action: 'put', kind: 'services', name: 'cart', spec } as const];
    const made = await client.call(transact, { body: { changes }, query: { reason: 'why' } });
    assert.deepEqual([made.status, made.body.resources[0]?.name], [200, 'cart']);
    assert.equal(around.store.latestRevision()?.reason, 'why');
    const { body } = await client.call(resources.services.read, { params: { name: 'cart' } });
    assert.deepEqual(body.spec, spec);
    const missing = client.call(resources.services.read, { params: { name: 'nothing' } });
    await assert.rejects(missing, (error: unknown) => error instanceof AdminRefusal && error.status === 404);
  });
});
