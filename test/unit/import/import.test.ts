import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { importHaproxy } from '../../../src/import/haproxy.ts';
import { importNginx } from '../../../src/import/nginx.ts';
import { importedText } from '../../../src/import/policy-text.ts';
import { type ImportFiles, placed } from '../../../src/import/statement.ts';
import { parse } from '../../../src/policy/parse.ts';

const filesOf = (texts: Readonly<Record<string, string>>): ImportFiles => ({
  read: path => {
    const text = texts[path];
    if (text !== undefined) return { text };
    return { problem: placed('import.unreadable', { file: path, line: 1, column: 1 }, `${path} is not there`) };
  },
  match: pattern =>
    pattern.includes('*')
      ? Object.keys(texts)
          .filter(each => each !== 'main')
          .sort()
      : [pattern],
});

const nginx = (text: string, more = {}) => importNginx(filesOf({ main: text, ...more }), ['main']);
const haproxy = (text: string) => importHaproxy(filesOf({ main: text }), ['main']);
const http = (text: string) => nginx(`http { ${text} }`);
const codes = (problems: readonly { readonly code: string }[]) => problems.map(each => each.code);
/** The rules of the only route. */
const rules = ({ policy }: ReturnType<typeof nginx>) => Object.values(policy.routes ?? {})[0]?.rules;

describe('import nginx', () => {
  it('servers with weights, backups and states', () => {
    const { policy, problems } = http(`
      upstream app { server 10.0.0.1:80 weight=3; server 10.0.0.2 backup; server 10.0.0.3:80 down; }
      server { location / { proxy_pass http://app; proxy_set_header Host $host; } }`);
    assert.deepEqual(problems, []);
    assert.deepEqual(policy.services?.['app']?.endpoints, [
      { address: '10.0.0.1:80', weight: 3 },
      { address: '10.0.0.2:80', priority: 1 },
      { address: '10.0.0.3:80', state: 'disabled' },
    ]);
    assert.equal(policy.services?.['app']?.failover, 'whenAllDown');
    assert.deepEqual(policy.services?.['app']?.outlierDetection, {
      consecutiveGatewayErrors: 1,
      baseEjection: '10s',
      maxEjected: '100%',
    });
    assert.deepEqual(policy.routes, {
      'http-80': { gateways: ['http-80'], hosts: ['*'], rules: [{ to: [{ service: 'app' }] }] },
    });
  });

  it('locations in the order in which nginx looks for them', () => {
    const made = http(`server {
      location / { return 200; } location /a/ { return 201; } location /a/b/ { return 202; }
      location ~ \\.png$ { return 203; } location = /x { return 204; } location ^~ /s/ { return 206; } }`);
    assert.deepEqual(
      rules(made)?.map(each => each.respond?.status),
      [204, 206, 203, 202, 201, 200],
    );
    assert.deepEqual(rules(made)?.[2]?.match, { path: { regex: '.*\\.png' } });
  });

  it('a share of split_clients is a weight, and callers stay', () => {
    const made = http(`upstream a { server a:80; } upstream b { server b:80; }
      split_clients $remote_addr $lane { 0.5% b; * a; }
      server { location / { proxy_pass http://$lane; proxy_set_header Host $host; } }`);
    assert.deepEqual(rules(made), [
      {
        to: [
          { service: 'b', weight: 50 },
          { service: 'a', weight: 9950 },
        ],
        sticky: { hashBy: [{ sourceIp: true }] },
      },
    ]);
  });

  it('tells what has no counterpart, where it stands, and sets aside what runs nginx', () => {
    const { problems, aside } = nginx(
      'worker_processes 4;\nhttp {\n  server {\n    limit_req zone=a;\n    listen 80;\n    listen 443 ssl;\n    location / { root /srv; }\n  }\n}',
    );
    assert.deepEqual(
      problems.map(({ code, source, path }) => [code, source?.line, path.join('.')]),
      [
        ['import.left_out', 4, 'routes.http-80'],
        ['import.left_out', 6, ''],
        ['import.left_out', 7, 'routes.http-80.rules.0'],
        ['import.left_out', 7, 'routes.http-80.rules.0'],
      ],
    );
    assert.deepEqual(
      aside.map(each => each.name),
      ['worker_processes'],
    );
  });

  it('never opens a port of TLS in plain text', () => {
    const { policy, problems } = http(`upstream app { server 10.0.0.1:80; }
      server { listen 443 ssl; listen 8443 quic; server_name a; location / { proxy_pass http://app; root /srv; } }`);
    assert.deepEqual(Object.keys(policy), ['services']);
    assert.deepEqual(codes(problems), ['import.left_out', 'import.left_out', 'import.left_out']);
  });

  it('follows includes, and ends where they go round', () => {
    const files = { '/etc/a.conf': 'server { listen 81; return 204; }' };
    assert.deepEqual(Object.keys(nginx('http { include /etc/*.conf; }', files).policy.gateways ?? {}), ['http-81']);
    assert.deepEqual(codes(nginx('http { include main; }').problems), ['import.unreadable']);
    assert.deepEqual(codes(nginx('include /gone;').problems), ['import.unreadable']);
  });

  it('refuses what is no configuration', () => {
    for (const text of ['http {', 'a', 'a;}', '"a', '{', 'x_by_lua_block {', 'a {'.repeat(100), 'a;'.repeat(100_001)]) {
      const { problems, policy } = nginx(text);
      assert.deepEqual([codes(problems), policy], [['import.syntax'], {}], text.slice(0, 20));
    }
    assert.deepEqual(codes(nginx('a\0;').problems), ['import.unreadable']);
  });
});

describe('import haproxy', () => {
  const head = 'defaults\n mode http\nfrontend web\n bind :80\n';
  const app = 'backend app\n server a 10.0.0.1:80\nbackend api\n server a 10.0.0.2:80\n';

  it('servers, checks and the cookie of a backend', () => {
    const { policy, problems } = haproxy(`${head} default_backend app
backend app
 balance leastconn
 cookie SRV insert indirect nocache
 option httpchk GET /health
 server a 10.0.0.1:80 check inter 3s rise 1 fall 4 cookie a weight 2
 server b 10.0.0.2:80 check inter 3s rise 1 fall 4 cookie b backup disabled`);
    assert.deepEqual(problems, []);
    assert.deepEqual(policy.services?.['app'], {
      endpoints: [
        { address: '10.0.0.1:80', weight: 2 },
        { address: '10.0.0.2:80', priority: 1, state: 'disabled' },
      ],
      loadBalancing: { policy: 'leastRequest' },
      failover: 'whenAllDown',
      sessions: { cookie: { name: 'SRV' } },
      healthCheck: {
        http: { path: '/health', method: 'GET', expect: ['200-399'] },
        profile: 'standard',
        interval: '3s',
        timeout: '3s',
        healthyAfter: 1,
        unhealthyAfter: 4,
      },
      timeout: '0s',
    });
  });

  it('never opens a port of TLS in plain text', () => {
    const { policy, problems } = haproxy(`${head} bind :443 ssl crt /etc/a.pem
 http-request redirect scheme https if !{ ssl_fc }
frontend other
 bind :8443 ssl crt /etc/a.pem
 default_backend app
${app}`);
    assert.deepEqual(Object.keys(policy.gateways ?? {}), ['http-80']);
    assert.deepEqual(policy.routes?.['web']?.rules, [{ redirect: { scheme: 'https', status: 302 } }]);
    assert.deepEqual(
      problems.map(each => [each.code, each.source?.line]),
      [5, 7, 8].map(line => ['import.left_out', line]),
    );
  });

  it('conditions of hosts are routes, others are matches', () => {
    const { policy, problems } = haproxy(`${head} acl shop hdr(host) -i shop.example.com
 use_backend api if shop { path_beg /api/ } or { hdr(x-beta) 1 } !{ cook(old) 1 }
 default_backend app
${app}`);
    assert.deepEqual(problems, []);
    const beta = {
      match: { headers: { 'x-beta': { exact: '1' } }, cookies: { old: { exact: '1', not: true } } },
      to: [{ service: 'api' }],
    };
    const last = { to: [{ service: 'app' }] };
    assert.deepEqual(policy.routes, {
      web: { gateways: ['http-80'], hosts: ['*'], rules: [beta, last] },
      'shop-example-com': {
        gateways: ['http-80'],
        hosts: ['shop.example.com'],
        rules: [{ match: { path: { prefix: '/api/' } }, to: [{ service: 'api' }] }, beta, last],
      },
    });
  });

  it('tells of conditions that a rule cannot ask for', () => {
    const { problems } = haproxy(`${head} use_backend api if { src 10.0.0.0/8 }
 http-request deny if { path /a } { path_end b }
 default_backend app
${app}`);
    assert.deepEqual(
      problems.map(each => each.source?.line),
      [5, 6],
    );
  });

  it('refuses what is no configuration', () => {
    for (const text of ['bind :80', 'global\n a "b', `global\n${'a\n'.repeat(100_000)}`]) {
      assert.deepEqual(codes(haproxy(text).problems), ['import.syntax']);
    }
    assert.deepEqual(codes(haproxy('global\n \0').problems), ['import.unreadable']);
  });
});

describe('the text of an import', () => {
  it('is the policy, with comments near their places', () => {
    const made = http(`upstream a { server 10.0.0.1:80 route=x; server 10.0.0.2:80; }
      server { server_name "shop.example.com"; location / { proxy_pass http://a; auth_basic "who: # are you"; } }`);
    const text = importedText('nginx', '.policy.schema.json', made);
    assert.deepEqual(parseYaml(text), made.policy);
    assert.match(text, /^# yaml-language-server: \$schema=\.policy\.schema\.json\n/);
    assert.match(text, /\n {2}# main:1: "server 10\.0\.0\.1:80 route=x" is taken in part: .*\n {2}a:\n/);
    assert.match(text, /\n {6}# main:2: "auth_basic who: # are you" is left out.*\n {6}- /);
    assert.deepEqual(parse([{ file: 'a.yaml', format: 'yaml', text }]).problems, []);
  });
});
