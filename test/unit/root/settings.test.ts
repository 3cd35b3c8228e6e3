import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { policyVariable, readClientSettings, readSettings } from '../../../src/settings.ts';

const good = (flags: Record<string, unknown>, environment: Record<string, string> = {}) => {
  const outcome = readSettings(flags, environment);
  assert.ok(outcome.kind === 'good', JSON.stringify(outcome));
  return outcome;
};

const mistakes = (flags: Record<string, unknown>, environment: Record<string, string> = {}) => {
  const outcome = readSettings(flags, environment);
  assert.ok(outcome.kind === 'bad', 'was taken');
  return outcome.mistakes;
};

describe('settings of the server', () => {
  it('listen on loopback by default', () => {
    assert.deepEqual(good({}).settings, {
      policy: './switchyard.yaml',
      data: './.switchyard',
      xds: { host: '127.0.0.1', port: 18000 },
      admin: { host: '127.0.0.1', port: 18080 },
      adminHosts: new Set(),
      lingerLimit: 60_000,
      logLevel: 'info',
    });
  });

  it('come from flags before the environment, and from that before defaults', () => {
    const environment = { SWITCHYARD_POLICY: 'env', SWITCHYARD_DATA: 'env', SWITCHYARD_XDS: '', HOME: '/root' };
    const { settings, warnings } = good({ policy: 'flag' }, environment);
    assert.equal(settings.policy, 'flag');
    assert.equal(settings.data, 'env');
    assert.equal(settings.xds.port, 18000, 'an empty variable counts as unset');
    assert.deepEqual(warnings, []);
  });

  it('let Envoys poll only when asked to', () => {
    assert.equal('xdsRest' in good({}).settings, false);
    const { settings } = good({}, { SWITCHYARD_XDS_REST: '127.0.0.1:18001' });
    assert.deepEqual(settings.xdsRest, { host: '127.0.0.1', port: 18001 });
  });

  it('take other limits for xDS clients, one or several', () => {
    assert.equal('xdsLimits' in good({}).settings, false);
    assert.deepEqual(good({ xdsLimit: ['names=5', 'streams=7'] }).settings.xdsLimits, { names: 5, streams: 7 });
    const { settings } = good({}, { SWITCHYARD_XDS_LIMIT: 'names=5, streams=7' });
    assert.deepEqual(settings.xdsLimits, { names: 5, streams: 7 });
    assert.match(mistakes({ xdsLimit: ['nmaes=5'] })[0]!, /^--xds-limit: there is no limit "nmaes"; there are message/);
    for (const bad of ['names', 'names=', 'names=x', 'names=0', 'names=-1', 'names=1.5', 'names=99999999999']) {
      assert.match(mistakes({ xdsLimit: [bad] })[0]!, /^--xds-limit: the limit names must be a whole number from 1 to/);
    }
  });

  it('say what speaks with xDS clients, where somebody does', () => {
    assert.equal('xdsTransport' in good({}).settings, false);
    assert.equal(good({ xdsTransport: 'http2' }).settings.xdsTransport, 'http2');
    assert.equal(good({}, { SWITCHYARD_XDS_TRANSPORT: 'grpc-js' }).settings.xdsTransport, 'grpc-js');
    assert.match(mistakes({ xdsTransport: 'http3' })[0]!, /^--xds-transport: is none of grpc-js, http2/);
  });

  it('take addresses of both families', () => {
    assert.deepEqual(good({ xds: '[::1]:0' }).settings.xds, { host: '::1', port: 0 });
    assert.deepEqual(good({ xds: 'localhost:1' }).settings.xds, { host: 'localhost', port: 1 });
    for (const bad of ['18000', ':18000', '127.0.0.1', '::1:18000', '127.0.0.1:65536', 'a b:1', 'http://x:1']) {
      assert.match(mistakes({ xds: bad })[0]!, /^--xds: ".*" is not HOST:PORT, such as/);
    }
  });

  it('say how much of the past is kept, what is good, and who knows names', () => {
    const { settings } = good(
      { keepRevisions: '50', keepRevisionsFor: '7d', goodAfter: '0', nameServer: ['10.0.0.2', '[::1]:8600'] },
      { SWITCHYARD_KEEP_PUBLICATIONS: '500' },
    );
    assert.deepEqual(settings.retention, { revisions: 50, age: 7 * 86_400_000, publications: 500 });
    assert.deepEqual([settings.goodAfter, settings.nameServers], [0, ['10.0.0.2', '[::1]:8600']]);
    assert.deepEqual(good({}, { SWITCHYARD_NAME_SERVER: '127.0.0.1:53 ::1' }).settings.nameServers, [
      '127.0.0.1:53',
      '::1',
    ]);
    for (const bad of ['9', '100001', 'many', '1.5', '-1', '']) {
      assert.match(mistakes({ keepRevisions: bad })[0]!, /^--keep-revisions: is not a whole number from 10 to 100000$/);
    }
    assert.match(mistakes({ keepPublications: '99' })[0]!, /from 100 to 1000000/);
    assert.match(mistakes({ keepRevisionsFor: '90' })[0]!, /"90" is not a duration of 1s or more, such as 90d/);
    for (const bad of ['dns.internal', '10.0.0.2:0', '[10.0.0.2]:53', '10.0.0.2:70000']) {
      assert.match(mistakes({ nameServer: [bad] })[0]!, /^--name-server: is not IP or IP:PORT/, bad);
    }
  });

  it('let clusters linger no longer than a timer can run', () => {
    assert.equal(good({ lingerLimit: '24d' }).settings.lingerLimit, 24 * 86_400_000);
    const most = 'is too long: 24d is the most';
    assert.deepEqual(mistakes({ lingerLimit: '25d' }), [`--linger-limit: "25d" ${most}`]);
    assert.deepEqual(mistakes({}, { SWITCHYARD_LINGER_LIMIT: '577h' }), [`SWITCHYARD_LINGER_LIMIT: "577h" ${most}`]);
  });

  it('open a port to other machines only on demand', () => {
    for (const host of ['0.0.0.0', '10.0.0.5', '[::]', 'shop.example', '128.0.0.1', '127.0.0.1.example']) {
      assert.match(mistakes({ xds: `${host}:18000` })[0]!, /^--xds: .* add --insecure-xds$/);
      assert.match(mistakes({ xdsRest: `${host}:18001` })[0]!, /^--xds-rest: .* add --insecure-xds$/);
      assert.match(
        mistakes({ admin: `${host}:18080` })[0]!,
        /^--admin: .* serve TLS with --admin-cert and --admin-key, .* add --insecure-admin$/,
      );
      good({ xds: `${host}:18000`, xdsRest: `${host}:18001`, insecureXds: true });
      good({ admin: `${host}:18080` }, { SWITCHYARD_INSECURE_ADMIN: 'true' });
    }
    assert.equal(mistakes({ xds: '0.0.0.0:1', admin: '0.0.0.0:2' }).length, 2, 'all are told at once');
    assert.equal(mistakes({ xds: '0.0.0.0:1', insecureXds: false }, { SWITCHYARD_INSECURE_XDS: 'true' }).length, 1);
  });

  it('take the files of TLS all together, and then need no permission to open the port (P30)', () => {
    const files = { xdsCert: 'a.crt', xdsKey: 'a.key', xdsClientCa: 'ca.crt' };
    const paths = { certificate: 'a.crt', key: 'a.key', clientCa: 'ca.crt' };
    const { settings } = good({ ...files, xds: '0.0.0.0:18000', xdsRest: '0.0.0.0:18001' });
    assert.deepEqual(settings.xdsTls, { paths, minVersion: 'TLSv1.3' });
    const { settings: lenient } = good(files, { SWITCHYARD_XDS_TLS_MIN: '1.2' });
    assert.deepEqual(lenient.xdsTls, { paths, minVersion: 'TLSv1.2' });
    assert.equal('xdsTls' in good({}).settings, false);
    assert.match(mistakes({ xdsCert: 'a' })[0]!, /^--xds-cert needs --xds-key and --xds-client-ca too: /);
    assert.match(mistakes({ xdsCert: 'a', xdsKey: 'b' })[0]!, /^--xds-cert and --xds-key need --xds-client-ca too: /);
    assert.match(
      mistakes({}, { SWITCHYARD_XDS_CLIENT_CA: 'a' })[0]!,
      /^--xds-client-ca needs --xds-cert and --xds-key/,
    );
    assert.match(mistakes({ ...files, xdsTlsMin: '1.1' })[0]!, /^--xds-tls-min: is neither 1\.2 nor 1\.3/);
    assert.match(mistakes({ ...files, admin: '0.0.0.0:1' })[0]!, /^--admin: .*--insecure-admin$/);
  });

  it('take the files of TLS of the admin API together, and then need no permission to open its port (P30)', () => {
    const files = { adminCert: 'a.crt', adminKey: 'a.key' };
    const paths = { certificate: 'a.crt', key: 'a.key' };
    const { settings } = good({ ...files, admin: '0.0.0.0:18080' });
    assert.deepEqual(settings.adminTls, { paths, minVersion: 'TLSv1.3' });
    const withClients = good({ ...files, adminClientCa: 'ca.crt' }, { SWITCHYARD_ADMIN_TLS_MIN: '1.2' }).settings;
    assert.deepEqual(withClients.adminTls, { paths: { ...paths, clientCa: 'ca.crt' }, minVersion: 'TLSv1.2' });
    assert.equal('adminTls' in good({}).settings, false);
    assert.match(mistakes({ adminCert: 'a' })[0]!, /^--admin-cert needs --admin-key too: /);
    assert.match(mistakes({ adminClientCa: 'a' })[0]!, /^--admin-client-ca needs --admin-cert and --admin-key too: /);
    assert.match(mistakes({ ...files, admin: 'unix:/run/a.sock' })[0]!, /^--admin-cert is for addresses with a port/);
    assert.match(mistakes({ ...files, xds: '0.0.0.0:1' })[0]!, /^--xds: .*--insecure-xds$/);
  });

  it('take a socket for the admin API', () => {
    const path = '/run/switchyard/admin.sock';
    assert.deepEqual(good({ admin: `unix:${path}` }).settings.admin, { path, mode: 0o600 });
    const environment = { SWITCHYARD_ADMIN: `unix:${path}`, SWITCHYARD_ADMIN_SOCKET_MODE: '0660' };
    assert.deepEqual(good({}, environment).settings.admin, { path, mode: 0o660 });
    assert.match(mistakes({ admin: 'unix:' })[0]!, /^--admin: "unix:" names no path/);
    assert.match(
      mistakes({ admin: `unix:/${'x'.repeat(107)}` })[0]!,
      /^--admin: .* is too long for a socket: 107 bytes/,
    );
    for (const mode of ['6600', '9', 'rw', '68'])
      assert.match(mistakes({ adminSocketMode: mode })[0]!, /^--admin-socket-mode: is no mode of a file, such as 660/);
    assert.match(mistakes({ xds: `unix:${path}` })[0]!, /^--xds: .* is not HOST:PORT/);
  });

  it('take further names of the admin API from flag and environment', () => {
    assert.deepEqual(good({ adminHost: ['Ops.Example'] }).settings.adminHosts, new Set(['ops.example']));
    const environment = { SWITCHYARD_ADMIN_HOST: 'a.example, b.example' };
    assert.deepEqual(good({}, environment).settings.adminHosts, new Set(['a.example', 'b.example']));
  });

  it('name the flag or the variable that is wrong', () => {
    assert.match(mistakes({ logLevel: 'loud' })[0]!, /^--log-level: is none of trace, debug/);
    assert.match(mistakes({ logFormat: 'xml' })[0]!, /^--log-format: is neither pretty nor json/);
    assert.equal(good({}, { SWITCHYARD_LOG_FORMAT: 'pretty' }).settings.logFormat, 'pretty');
    assert.match(mistakes({}, { SWITCHYARD_LOG_LEVEL: 'loud' })[0]!, /^SWITCHYARD_LOG_LEVEL: /);
    assert.match(
      mistakes({}, { SWITCHYARD_INSECURE_XDS: 'maybe' })[0]!,
      /^SWITCHYARD_INSECURE_XDS: is neither true nor false/,
    );
    assert.match(mistakes({ policy: '' })[0]!, /^--policy: must name a path/);
  });

  it('warn of a variable that is a misspelled setting, and of no other', () => {
    const { warnings } = good(
      {},
      { SWITCHYARD_POLICI: 'x', SWITCHYARD_PORT_18000_TCP_ADDR: 'x', SWITCHYARD_TOKEN: 'x' },
    );
    assert.deepEqual(warnings, ['SWITCHYARD_POLICI is no setting; did you mean "SWITCHYARD_POLICY"?']);
  });
});

describe('settings of commands', () => {
  const url = (admin: string) => {
    const outcome = readClientSettings({ admin }, {});
    assert.ok(outcome.kind === 'good');
    return outcome.settings.adminUrl;
  };

  it('say where the admin API is', () => {
    assert.equal(url('127.0.0.1:1'), 'http://127.0.0.1:1');
    assert.equal(url('[::1]:1'), 'http://[::1]:1');
    assert.equal(url('10.0.0.5:1'), 'http://10.0.0.5:1', 'a client may call any address');
    assert.equal(url('0.0.0.0:1'), 'http://127.0.0.1:1', 'a server that listens everywhere is called on loopback');
  });

  it('take the URL of a server, a socket, and the files of TLS', () => {
    assert.equal(url('https://cp.internal:18080'), 'https://cp.internal:18080');
    assert.equal(url('HTTPS://cp.internal/'), 'https://cp.internal');
    assert.equal(url('unix:/run/a.sock'), 'unix:/run/a.sock');
    const outcome = readClientSettings(
      { admin: 'cp.internal:1', ca: 'ca.crt' },
      { SWITCHYARD_CERT: 'c', SWITCHYARD_KEY: 'k' },
    );
    assert.deepEqual(outcome.kind === 'good' && outcome.settings, {
      adminUrl: 'https://cp.internal:1',
      ca: 'ca.crt',
      cert: 'c',
      key: 'k',
      data: './.switchyard',
      token: undefined,
    });
    for (const [flags, mistake] of [
      [{ admin: 'https://a/b' }, /^--admin: "https:\/\/a\/b" is not https:\/\/HOST:PORT alone/],
      [{ admin: 'https://u:p@a' }, /is not https:\/\/HOST:PORT alone/],
      [{ admin: 'ftp://a' }, /is neither HOST:PORT, .* nor https:\/\/HOST:PORT, nor unix:PATH/],
      [{ cert: 'a' }, /^--cert and --key go together/],
    ] as const) {
      const bad = readClientSettings(flags, {});
      assert.match(bad.kind === 'bad' ? (bad.mistakes[0] ?? '') : 'taken', mistake);
    }
  });

  it('take the token from the environment', () => {
    const outcome = readClientSettings({}, { SWITCHYARD_TOKEN: 'abc', SWITCHYARD_DATA: '/d' });
    assert.deepEqual(outcome.kind === 'good' && outcome.settings, {
      adminUrl: 'http://127.0.0.1:18080',
      data: '/d',
      token: 'abc',
    });
  });
});

describe('variables of policies', () => {
  it('are those of the environment, not what every object has, and none of Switchyard itself', () => {
    process.env['SWITCHYARD_TOKEN'] = 'x';
    const names = ['PATH', '__proto__', 'constructor', 'SWITCHYARD_TOKEN', 'NOT_SET_AT_ALL'];
    assert.deepEqual(
      names.map(name => typeof policyVariable(name)),
      ['string', 'undefined', 'undefined', 'undefined', 'undefined'],
    );
    delete process.env['SWITCHYARD_TOKEN'];
  });
});
