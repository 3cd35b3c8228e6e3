import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import pin from '../../../envoy/version.json' with { type: 'json' };
import { problem } from '../../../src/base/problem.ts';
import { testedEnvoy } from '../../../src/base/tested-envoy.ts';
import { checks, docsOf } from '../../../src/cli/check/finding.ts';
import type { CliHost } from '../../../src/cli/host.ts';
import type { CertificateFacts, Machine, StoreFacts } from '../../../src/cli/machine.ts';
import { now } from '../admin/admin-world.ts';
import { AdminHere, edge } from './admin-here.ts';
import { GiB, goodMachine, goodStore } from './good-machine.ts';
import { runHere } from './here.ts';

const day = 86_400_000;
const text = readFileSync(join(import.meta.dirname, 'golden', 'good.yaml'), 'utf8');

function given(machine: Partial<Machine>, policy = text, more: Partial<CliHost> = {}): Partial<CliHost> {
  return {
    now: () => now,
    machine: async () => ({ ...goodMachine, ...machine }),
    readDocuments: async () => ({ documents: [{ file: 'good.yaml', format: 'yaml', text: policy }], problems: [] }),
    preflight: async () => [],
    ...more,
  };
}

const offline = (machine: Partial<Machine>, policy?: string) => runHere(['check', '--offline'], given(machine, policy));

interface Found {
  readonly id: string;
  readonly state: string;
  readonly message: string;
  readonly remedy?: string;
  readonly docs?: string;
}

/** What is not in order, as programs are told. */
async function wrong(machine: Partial<Machine>, policy?: string): Promise<readonly Found[]> {
  const { out } = await runHere(['check', '--offline', '-o', 'json'], given(machine, policy));
  const all: readonly Found[] = JSON.parse(out).groups.flatMap((each: { readonly checks: Found[] }) => each.checks);
  return all.filter(each => each.state === 'error' || each.state === 'warning');
}

const brief = (found: readonly Found[]) => found.map(({ id, state }) => `${state} ${id}`);

describe('switchyard check', () => {
  it('ticks off what is well, group by group, and exits with 0', async () => {
    const { code, out, err } = await offline({});
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^installation\n {2}✔ Node 24\.11\.0\n {2}✔ flags.*\n {2}✔ Envoy 1\.40\.0 \(envoy\)\n\nfiles\n/);
    assert.match(out, /\n {2}✔ --admin 127\.0\.0\.1:18080 is where the server listens\n/);
    assert.match(out, /\nnothing is wrong\n$/);
    assert.ok(!out.includes('\u001b'));
  });

  it('says of each fault what to do and where more stands, and exits with 1', async () => {
    const store: StoreFacts = { ...goodStore, open: ['/data/admin-token'] };
    const { code, out } = await offline({ store: async () => store });
    assert.equal(code, 1);
    assert.match(
      out,
      / {2}✖ \/data\/admin-token can be reached by others than its owner\n {4}chmod -R go-rwx \/data\/admin-token\n {4}docs\/checks\.md#storeaccess\n/,
    );
    assert.match(out, /\n1 error, 0 warnings\n$/);
  });

  it('exits with 2 for warnings alone, and names what is not well', async () => {
    const store: StoreFacts = { ...goodStore, space: { free: 100 * 1024 ** 2, total: GiB } };
    const { code, out } = await runHere(['check', '--offline', '-o', 'name'], given({ store: async () => store }));
    assert.deepEqual([code, out], [2, 'store.space\n']);
  });

  it('looks only at what it is asked for', async () => {
    const { out } = await runHere(['check', '--only', 'store', 'listeners'], given({}));
    assert.deepEqual(out.match(/^\w+$/gm), ['store', 'listeners']);
  });

  it('finds old tools and settings that are none', async () => {
    const found = await wrong({
      settings: () => ({
        mistakes: ['--xds: "x" is not HOST:PORT'],
        warnings: ['SWITCHYARD_XSD is no setting'],
        policy: 'p',
        noPolicy: false,
        data: 'd',
      }),
      installation: async () => ({
        node: { version: '20.1.0', wanted: '^24.11', good: false },
        envoy: { file: '/opt/envoy', version: '1.9.1', named: true },
      }),
    });
    assert.deepEqual(brief(found), [
      'error installation.node',
      'error installation.settings',
      'warning installation.settings',
      'warning installation.envoy',
    ]);
    const none = { file: '/opt/envoy', why: 'there is none', named: true };
    const node = (await goodMachine.installation()).node;
    assert.deepEqual(brief(await wrong({ installation: async () => ({ node, envoy: none }) })), [
      'error installation.envoy',
    ]);
    const unnamed = { ...none, named: false };
    assert.deepEqual(await wrong({ installation: async () => ({ node, envoy: unnamed }) }), []);
  });

  it('finds what is wrong with the policy, at its place', async () => {
    const [found] = await wrong({}, text.replace('service: catalog', 'service: catlog'));
    assert.equal(found?.id, 'files.policy');
    assert.match(found?.message ?? '', /^good\.yaml:\d+:\d+: .*"catlog".* \[route\.service_not_found\]$/);
    assert.match(found?.remedy ?? '', /did you mean "catalog"\?/);
    const open = await wrong({ writable: async ([file = '']) => [file] });
    assert.deepEqual(brief(open), ['warning files.access']);
  });

  it('does not look for a policy that the server which runs here has elsewhere', async () => {
    const settings = () => ({ ...goodMachine.settings(), policy: './switchyard.yaml', noPolicy: true });
    const held = async () => ({ ...goodStore, holder: 77, database: { kind: 'unread' } as const });
    const hint = 'create it, or say where the policy is with --policy';
    const missing = { ...problem('file.unreadable', [], './switchyard.yaml does not exist', hint) };
    const none: Partial<CliHost> = { readDocuments: async () => ({ documents: [], problems: [missing] }) };
    const running = await runHere(['check', '--offline'], given({ settings, store: held }, text, none));
    assert.equal(running.code, 0);
    assert.match(running.out, /\n {2}- there is none at \.\/switchyard\.yaml; name that of the server with --policy\n/);
    const resting = await runHere(['check', '--offline', '-o', 'name'], given({ settings }, text, none));
    assert.deepEqual([resting.code, resting.out], [1, 'files.policy\n']);
  });

  it('finds a store that is damaged, full, or not backed up', async () => {
    const of = (given: Partial<StoreFacts>) => wrong({ store: async () => ({ ...goodStore, ...given }) });
    const damage = ['the tables: bad'];
    assert.deepEqual(brief(await of({ unusable: 'EACCES' })), ['error store.directory']);
    assert.deepEqual(brief(await of({ database: { kind: 'damaged', damage, copy: true } })), [
      'warning store.integrity',
    ]);
    assert.deepEqual(brief(await of({ database: { kind: 'damaged', damage, copy: false } })), [
      'error store.integrity',
    ]);
    assert.deepEqual(brief(await of({ space: { free: 1000, total: GiB } })), ['error store.space']);
    const backups = (newest?: { readonly file: string; readonly at: number; readonly why?: string }) =>
      of({ backups: { folder: '/b', ...(newest ? { newest } : {}) } });
    assert.deepEqual(brief(await backups()), ['warning store.backups']);
    assert.deepEqual(brief(await backups({ file: '/b/1', at: now - 8 * day })), ['warning store.backups']);
    assert.deepEqual(brief(await backups({ file: '/b/1', at: now, why: 'cut off' })), ['error store.backups']);
    assert.deepEqual(await backups({ file: '/b/1', at: now - day }), []);
  });

  it('finds certificates that end soon, have a gap, or can be read by all', async () => {
    const good: CertificateFacts = {
      of: 'xDS',
      faults: [],
      ends: [{ file: 'x.crt', from: now - 30 * day, at: now + 60 * day }],
      open: [],
    };
    const of = (given: Partial<CertificateFacts>) => wrong({ certificates: async () => [{ ...good, ...given }] });
    assert.deepEqual(await of({}), []);
    assert.deepEqual(brief(await of({ ends: [{ file: 'x.crt', from: now - 30 * day, at: now + 5 * day }] })), [
      'warning certificates.expiry',
    ]);
    assert.deepEqual(brief(await of({ ends: [{ file: 'x.crt', from: now - 30 * day, at: now - 1 }] })), [
      'error certificates.expiry',
    ]);
    // One that lives for a day only is renewed every day.
    assert.deepEqual(await of({ ends: [{ file: 'x.crt', from: now - day / 2, at: now + day / 2 }] }), []);
    assert.deepEqual(brief(await of({ chain: 'a gap' })), ['warning certificates.chain']);
    assert.deepEqual(brief(await of({ open: ['x.key'] })), ['error certificates.access']);
    const faults = [{ file: 'x.key', why: 'the key is encrypted', remedy: 'decrypt it' }];
    assert.deepEqual(await of({ faults, ends: [] }), [
      {
        id: 'certificates.files',
        state: 'error',
        message: 'x.key: the key is encrypted',
        remedy: 'decrypt it',
        docs: 'docs/checks.md#certificatesfiles',
      },
    ]);
  });

  it('finds ports that are taken, are not of this machine, or clash', async () => {
    const port = (state: 'taken' | 'elsewhere' | 'forbidden' | 'free', flag = '--xds', port = 18000) =>
      ({ flag, host: '127.0.0.1', port, state }) as const;
    for (const state of ['taken', 'elsewhere', 'forbidden'] as const) {
      assert.deepEqual(brief(await wrong({ ports: async () => [port(state)] })), ['error listeners.port']);
    }
    assert.deepEqual(brief(await wrong({ ports: async () => [port('free'), port('free', '--admin')] })), [
      'error listeners.conflict',
    ]);
    const [clash] = await wrong({ ports: async () => [port('free', '--admin', 80)] });
    assert.equal(
      clash?.message,
      'listener gateway/public/80 of fleet edge has port 80, as --admin has: an Envoy on this machine cannot listen there',
    );
  });

  it('does not miss a server that nobody has started, but one that holds the data directory', async () => {
    const nobody = { adminTarget: () => ({ url: 'http://127.0.0.1:1', token: 'x'.repeat(40), dataFolder: '/data' }) };
    const unstarted = await runHere(['check', '--only', 'server', 'envoys'], given({}, text, nobody));
    assert.equal(unstarted.code, 0);
    assert.match(unstarted.out, /- no server runs here/);
    const held = { store: async () => ({ ...goodStore, holder: 77, database: { kind: 'unread' } as const }) };
    const dead = await runHere(['check', '--only', 'server'], given(held, text, nobody));
    assert.equal(dead.code, 1);
    assert.match(dead.out, /✖ no admin API at http:\/\/127\.0\.0\.1:1 \(.*\)/);
  });
});

describe('switchyard check, with a server', () => {
  const here = new AdminHere();
  const check = async (...args: readonly string[]) => {
    const host = given({}, text, { adminTarget: here.target, version: '1.2.3' });
    const { code, out, err } = await runHere(['check', '--only', 'server', 'envoys', '-o', 'json', ...args], host);
    assert.equal(err, '');
    const all: readonly Found[] = JSON.parse(out).groups.flatMap((each: { readonly checks: Found[] }) => each.checks);
    const bad = all.filter(each => each.state === 'error' || each.state === 'warning');
    return { code, all, bad, said: bad.map(each => each.message).join('\n') };
  };

  it('ticks off a server and its Envoys', async () => {
    here.world.accept();
    here.world.connect(1, 'edge-1', edge);
    here.world.exchange(1, 'Cluster', 'acked');
    here.world.views.set('edge-1', { kind: 'known', report: new Map(), ahead: 300 });
    const { code, bad, all } = await check();
    assert.deepEqual(bad, []);
    assert.equal(code, 0);
    assert.deepEqual(new Set(all.map(each => each.id)), new Set([...checks.server, ...checks.envoys]));
  });

  it('finds a server without a policy, and nobody there', async () => {
    const { code, bad } = await check();
    assert.equal(code, 1);
    assert.deepEqual(brief(bad), ['error server.policy', 'warning envoys.connected']);
  });

  it('finds a refused save, a freeze, a quarantine, and what the server says of itself', async () => {
    const { world } = here;
    world.accept([], []);
    world.accept([], [world.quarantine('Cluster', 'catalog@v1')]);
    const problem = {
      code: 'store.unwritable',
      severity: 'error',
      message: 'no room',
      path: [],
      hint: 'make room',
    } as const;
    world.notices = [problem];
    world.control.rejected = {
      at: now - 5000,
      problems: [{ ...problem, code: 'syntax.invalid', message: 'a bracket' }],
    } as never;
    world.control.freezing.freeze({ by: 'ada' });
    const { code, bad, said } = await check();
    assert.equal(code, 1);
    assert.deepEqual(brief(bad).slice(0, 4), [
      'error server.policy',
      'warning server.frozen',
      'error server.health',
      'warning server.health',
    ]);
    assert.match(said, /the save of 5s ago was refused: a bracket \[syntax\.invalid\]/);
    assert.match(said, /CDS catalog@v1 is not sent to fleet edge/);
  });

  it('finds a clash of node ids, a stranger, a rejection, an old Envoy, a mixed fleet, a silent admin and a wrong clock', async () => {
    const { world } = here;
    world.accept();
    for (const [client, id] of [
      [1, 'edge-1'],
      [2, 'edge-1'],
      [3, 'edge-3'],
      [4, 'edge-4'],
    ] as const)
      world.connect(client, id, edge);
    world.connect(5, 'lost-1', { kind: 'unmatched', why: 'no fleet has cluster "lost"', nearest: 'edge' } as never);
    world.exchange(3, 'Cluster', 'nacked');
    world.apply({ kind: 'opened', clientId: 6, variant: 'sotw', peer: '10.0.0.6:1' });
    const node = { id: 'edge-6', cluster: 'edge', region: '', zone: '', subZone: '', metadata: {}, version: '1.31.2' };
    world.apply({ kind: 'identified', clientId: 6, node });
    world.apply({ kind: 'assigned', clientId: 6, assignment: edge });
    world.exchange(6, 'Cluster', 'acked');
    world.views.set('edge-4', { kind: 'unknown', why: 'no answer in time', silent: true });
    world.views.set('edge-3', { kind: 'known', report: new Map(), ahead: -61_000 });
    const { code, bad, said } = await check();
    assert.equal(code, 1);
    assert.deepEqual(
      new Set(bad.map(each => each.id)),
      new Set(checks.envoys.filter(each => each !== 'envoys.connected')),
    );
    assert.match(said, /2 Envoys say that they are "edge-1", from 10\.0\.0\.9:1, 10\.0\.0\.9:2/);
    assert.match(said, /lost-1: unmatched: no fleet has cluster "lost"; the nearest is edge/);
    assert.match(said, /edge-6: Envoy 1\.31\.2 is older than 1\.40/);
    assert.match(said, /fleet edge speaks both forms of xDS: edge-6 state of the world, the others delta/);
    assert.match(said, /edge-4: its admin interface cannot be asked: no answer in time/);
    assert.match(said, /the clock of edge-3 is 61s behind that of the server/);
    for (const each of bad) assert.ok(each.remedy && each.docs?.startsWith('docs/checks.md#'), each.id);
  });

  it('finds a server of another version, and one whose clock is wrong', async () => {
    here.world.accept();
    here.world.clock = now + 3_600_000;
    const host = given({}, text, { adminTarget: here.target, version: '9.9.9' });
    const { out } = await runHere(['check', '--only', 'server'], host);
    assert.match(out, /⚠ the server is Switchyard 1\.2\.3, this command is 9\.9\.9/);
    assert.match(out, /⚠ its clock is 3600s ahead of that of this machine/);
  });
});

describe('docs/checks.md', () => {
  const page = readFileSync(new URL('../../../docs/checks.md', import.meta.url), 'utf8');
  it('has each check, in their order, and none that there is not', () => {
    const sections = [...page.matchAll(/^### `(.+)`$/gm)].map(match => match[1]);
    assert.deepEqual(sections, Object.values(checks).flat());
  });
  it('is where findings lead to', () => {
    const anchors = [...page.matchAll(/^### (.+)$/gm)].map(([, title = '']) =>
      title.toLowerCase().replaceAll(/[^a-z0-9-]/g, ''),
    );
    for (const id of Object.values(checks).flat()) assert.ok(anchors.includes(docsOf(id).split('#')[1] ?? ''), id);
  });
  it('says which Envoy is tested', () => {
    assert.ok(pin.version.startsWith(`${testedEnvoy}.`));
  });
});
