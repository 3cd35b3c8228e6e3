import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { importHaproxy } from '../../../src/import/haproxy.ts';
import { importNginx } from '../../../src/import/nginx.ts';
import type { ImportFiles } from '../../../src/import/statement.ts';

const filesOf = (text: string): ImportFiles => ({ read: () => ({ text }), match: pattern => [pattern] });
const http = (text: string) => importNginx(filesOf(`http { ${text} }`), ['main']);
const haproxy = (lines: string, frontend = 'bind :80') =>
  importHaproxy(
    filesOf(
      `defaults\n mode http\nfrontend f\n ${frontend}\n${lines}\n default_backend b\nbackend b\n server s 1.2.3.4:80`,
    ),
    ['main'],
  );
const rules = ({ policy }: ReturnType<typeof http>) => Object.values(policy.routes ?? {})[0]?.rules ?? [];
const told = ({ problems }: ReturnType<typeof http>) => problems.map(each => each.message).join('\n');
const pass = 'proxy_pass http://10.0.0.1; proxy_set_header Host $host;';
const statuses = (made: ReturnType<typeof http>) => rules(made).map(each => each.respond?.status);

describe('what an import of nginx must not open', () => {
  it('a location that nginx reaches from within alone', () => {
    const made = http(`server { location = /auth { internal; ${pass} } location / { ${pass} } }`);
    assert.deepEqual(statuses(made), [404, undefined]);
    assert.match(told(made), /internal|from within/);
  });

  for (const guard of ['auth_basic x;', 'auth_request /auth;', 'auth_jwt x;', 'allow 10.0.0.0/8; deny all;']) {
    it(`what "${guard}" keeps others out of`, () => {
      const made = http(`server { location /a/ { ${guard} ${pass} } location / { ${pass} } }`);
      assert.deepEqual(statuses(made), [501, undefined]);
      assert.match(told(made), /answered 501/);
      assert.deepEqual(statuses(http(`server { ${guard} location / { ${pass} } }`)), [501]);
    });
  }

  it('but what a location frees again, or what keeps out some', () => {
    for (const free of ['auth_basic off;', 'auth_request off;', 'allow all;', 'deny 10.1.2.3;'])
      assert.deepEqual(statuses(http(`server { auth_basic off; location / { ${free} ${pass} } }`)), [undefined], free);
    const made = http(`server { auth_basic x; deny all; location / { auth_basic off; allow all; ${pass} } }`);
    assert.deepEqual(statuses(made), [undefined]);
  });

  it('what the first of several lines keeps all out of', () => {
    for (const guard of [
      'deny all; allow all;',
      'deny 0.0.0.0/0; deny ::/0;',
      'satisfy any; deny all; auth_basic off;',
    ])
      assert.deepEqual(statuses(http(`server { location / { ${guard} ${pass} } }`)), [501], guard);
    for (const guard of ['auth_ldap x;', 'access_by_lua_file x;', 'js_access a.b;', 'satisfy any; auth_gss on;'])
      assert.deepEqual(statuses(http(`server { ${guard} location / { ${pass} } }`)), [501], guard);
  });

  it('what "if" refuses, by the same condition where a policy can ask for it', () => {
    const asked = {
      '$http_x_token != "abc"': { headers: { 'x-token': { exact: 'abc', not: true } } },
      '$http_x_token = abc': { headers: { 'x-token': { exact: 'abc' } } },
      '$http_x_token = ""': { headers: { 'x-token': { regex: '.+', not: true } } },
      '$http_user_agent ~* (bot|curl)': { headers: { 'user-agent': { regex: '(?i).*(?:(bot|curl)).*' } } },
      '$request_method = POST': { methods: ['POST'] },
      '$cookie_key != k': { cookies: { key: { exact: 'k', not: true } } },
    };
    for (const [condition, match] of Object.entries(asked)) {
      const made = http(`server { location / { if (${condition}) { return 403; } ${pass} } }`);
      assert.deepEqual(rules(made)[0], { match, respond: { status: 403 } }, condition);
      assert.deepEqual(statuses(made), [403, undefined]);
      assert.deepEqual(statuses(http(`server { if (${condition}) { return 444; } location / { ${pass} } }`)), [
        403,
        undefined,
      ]);
    }
  });

  it('what "if" refuses by what no policy can ask for', () => {
    for (const condition of [
      '$bad',
      '$geoip_country = XX',
      '$http_x ~ (?!a)',
      '-f /srv/closed',
      '$arg_debug',
      '$remote_addr = 10.0.0.1',
    ]) {
      const made = http(`server { location /a/ { if (${condition}) { return 403; } ${pass} } location / { ${pass} } }`);
      assert.deepEqual(statuses(made), [501, undefined], condition);
      assert.match(told(made), /"if .*answered 501/);
      assert.equal(made.problems.find(each => each.message.startsWith('"if'))?.source?.line, 1);
      const whole = http(`server { if (${condition}) { return 403; } location / { ${pass} } }`);
      assert.deepEqual(statuses(whole), [501], condition);
      assert.match(told(whole), /"if .*answered 501/);
    }
    const redirect = http(
      `server { if ($scheme = http) { return 301 https://$host$request_uri; } location / { ${pass} } }`,
    );
    assert.deepEqual(statuses(redirect), [undefined]);
    assert.match(told(redirect), /"if .* is left out/);
  });

  it('what "if" sends elsewhere by the name of the host', () => {
    const made = http('server { if ($host = a.example.com) { return 301 https://$host$request_uri; } return 404; }');
    assert.deepEqual(rules(made), [
      {
        match: { headers: { ':authority': { regex: '(?i)a\\.example\\.com(:[0-9]+)?' } } },
        redirect: { scheme: 'https', status: 301 },
      },
      { respond: { status: 404 } },
    ]);
  });

  it('paths of an expression that a policy cannot ask for', () => {
    const closed = (expression: string) =>
      http(`server { location = /x { ${pass} } location ~ ${expression} { deny all; } location / { ${pass} } }`);
    const some = closed('^/api/(?!public)');
    assert.deepEqual(statuses(some), [undefined, 501, undefined]);
    assert.deepEqual(rules(some)[1]?.match, { path: { regex: '/api/.*' } });
    for (const expression of ['(?<!x)a$', '^(?!/public)', '"a|(?!b)"', '"[(](?=a)|b"'])
      assert.deepEqual(statuses(closed(expression)), [undefined, 501], expression);
    assert.match(told(some), /"location ~ .*answered 501/);
  });

  it('methods that limit_except keeps out', () => {
    const made = http(`server { location / { limit_except GET { deny all; } ${pass} } }`);
    assert.deepEqual(rules(made)[0]?.match, { methods: ['GET', 'HEAD'] });
    assert.deepEqual(rules(made)[1], { respond: { status: 403 } });
  });

  it('ports that speak TLS since another server says so, or the server', () => {
    const made = http(`
      server { listen 443 ssl; server_name a.example.com; location / { ${pass} } }
      server { listen 443; server_name b.example.com; location / { ${pass} } }
      server { listen 8443; ssl on; server_name c.example.com; location / { ${pass} } }`);
    assert.deepEqual(made.policy.gateways, undefined);
    assert.equal(made.problems.filter(each => each.message.includes('gateways speak no TLS')).length, 3);
  });
});

describe('an import of nginx', () => {
  it('keeps the locations of a server that sends some paths elsewhere', () => {
    const made = http(
      `server { rewrite ^/old$ /new permanent; rewrite ^/a/(.*)$ /b/$1 redirect; location / { ${pass} } }`,
    );
    assert.deepEqual(rules(made), [
      { match: { path: { regex: '/old' } }, redirect: { path: '/new', status: 301 } },
      { to: [{ service: '10-0-0-1-80' }] },
    ]);
    assert.match(told(made), /\^\/a\//);
  });

  it('sends to the name of the server where $server_name does', () => {
    const made = http(
      'server { server_name a.example.com www.example.com; return 301 https://$server_name$uri$is_args$args; }',
    );
    assert.equal(rules(made)[0]?.redirect?.host, 'a.example.com');
    assert.equal(rules(http('server { return 301 https://$server_name$request_uri; }'))[0]?.respond?.status, 501);
    assert.equal(rules(http('server { return 301 https://new.example.com; }'))[0]?.redirect?.path, '/');
  });

  it('does not rewrite a path into the address that nginx redirects to', () => {
    const made = http(`server { location / { rewrite ^/old(.*)$ https://x.example.com$1 break; ${pass} } }`);
    assert.equal(rules(made)[0]?.rewrite, undefined);
    assert.match(told(made), /rewrite .* is left out/);
  });

  it('loses no share of a split', () => {
    const made = http(`upstream a { server 10.0.0.1; }
      split_clients $remote_addr $pool { 10% a; 20% "a b"; * a; } server { location / { proxy_pass http://$pool; } }`);
    assert.deepEqual(statuses(made), [501]);
  });

  it('tells that addresses of callers are added to what they say', () => {
    const made = http(`server { location / { ${pass} proxy_set_header X-Forwarded-For $remote_addr; } }`);
    assert.match(told(made), /X-Forwarded-For/);
  });

  it('of grpc_pass without a scheme, and of a port for both kinds of addresses', () => {
    const made = http(
      'upstream g { server 10.0.0.1; } server { listen [::]:80 ipv6only=off; location / { grpc_pass g; } }',
    );
    assert.deepEqual(rules(made)[0]?.to, [{ service: 'g' }]);
    assert.equal(Object.keys(made.policy.gateways ?? {}).length, 2);
  });

  it('asks for equal values of a map before expressions', () => {
    const made = http(`upstream a { server 10.0.0.1; } upstream b { server 10.0.0.2; }
      map $http_x $pool { ~^1 a; 12 b; default a; } server { location / { proxy_pass http://$pool; } }`);
    assert.deepEqual(
      rules(made).map(each => each.to?.[0]),
      [{ service: 'b' }, { service: 'a' }, { service: 'a' }],
    );
  });
});

describe('an import of HAProxy', () => {
  it('does not fall over names that every object has', () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      const made = haproxy(
        ` use_backend b if ${name}\n ${name} set-header a b\n http-request deny if { path -m ${name} /x }`,
      );
      assert.equal(made.problems.length, 3, name);
    }
  });

  it('never turns round one value of several alone', () => {
    const made = haproxy(' acl bad hdr(x-a) one two\n use_backend b if !bad');
    assert.match(told(made), /use_backend b if !bad/);
    assert.deepEqual(rules(made), [{ to: [{ service: 'b' }] }]);
  });

  it('tells of each answer that is another one', () => {
    for (const answer of ['return status 200 lf-string "%[src]"', 'tarpit', 'reject', 'silent-drop']) {
      const made = haproxy(` http-request ${answer} if { path /x }`);
      assert.ok([403, 500, 501].includes(statuses(made)[0] ?? 0), answer);
      assert.match(told(made), /taken in part/, answer);
    }
  });

  it('keeps closed what asks for a password or for where callers are', () => {
    for (const closed of [
      'http-request auth realm x if { path_beg /admin/ } !{ http_auth(ops) }',
      'http-request deny if { path_beg /admin/ } !{ src 10.0.0.0/8 }',
    ]) {
      const made = haproxy(` ${closed}`);
      assert.deepEqual(rules(made)[0]?.match, { path: { prefix: '/admin/' } }, closed);
      assert.deepEqual(statuses(made), [501, undefined]);
      assert.match(told(made), /answered 501/);
    }
    for (const all of ['http-request auth unless { http_auth(ops) }', 'http-request deny unless { src 10.0.0.0/8 }'])
      assert.deepEqual(statuses(haproxy(` ${all}`)), [501], all);
    const some = haproxy(' http-request deny if { src 10.1.2.3 }');
    assert.deepEqual(statuses(some), [undefined]);
    assert.match(told(some), /src/);
  });

  it('listens for both kinds of addresses where it says so', () => {
    const made = haproxy('', 'bind [::]:80 v4v6');
    assert.deepEqual(
      Object.values(made.policy.gateways ?? {}).map(each => each.listeners[0]?.address),
      [undefined, '::'],
    );
  });
});
