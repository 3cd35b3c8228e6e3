import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasErrors } from '../../../src/base/problem.ts';
import { importHaproxy } from '../../../src/import/haproxy.ts';
import { importNginx } from '../../../src/import/nginx.ts';
import { type Imported, importedText } from '../../../src/import/policy-text.ts';
import type { ImportFiles } from '../../../src/import/statement.ts';
import { compile } from '../../../src/ir/compile.ts';
import { noOperationalState } from '../../../src/policy/operational-state.ts';
import { parse } from '../../../src/policy/parse.ts';
import { Chance } from '../../support/chance.ts';

const whole = {
  nginx: `user www; http {
  upstream app { least_conn; server 10.0.0.1:80 weight=3 max_fails=2 fail_timeout=5s max_conns=9 slow_start=3s; server b.example.com:81 backup; server 10.0.0.3 down; sticky cookie SRV expires=1h domain=x path=/ ; keepalive_timeout 5s; }
  upstream other { hash $http_x_user consistent; server 10.0.1.1:80; server unix:/run/a.sock; }
  split_clients $cookie_user $lane { 0.5% other; * app; }
  map $http_x_beta $pool { default app; ~^1 other; yes other; }
  server { listen 80 default_server; listen [::]:80; server_name shop.example.com .example.org; proxy_connect_timeout 2s;
    proxy_set_header Host $host; proxy_set_header X-Real $remote_addr; add_header X-A "b c" always; proxy_hide_header X-B;
    location = /x { return 200 "text \${y}"; } location /a/ { proxy_pass http://app/b/; proxy_read_timeout 9s; proxy_next_upstream error http_503; proxy_next_upstream_tries 3; }
    location ~* \\.(png|jpg)$ { proxy_pass http://$lane; } location ^~ /s/ { proxy_pass http://$pool; rewrite ^/s/(.*) /t/$1 break; }
    location /old { return 301 https://$host$request_uri; } location / { grpc_pass grpc://10.0.2.1:90; } }
  server { listen 127.0.0.1:8081; rewrite ^ https://a.example.com/ permanent; }
}
stream { upstream db { server 10.0.3.1:5432; } server { listen 5432; proxy_pass db; } server { listen 53 udp; proxy_pass 10.0.3.2:53; } }
`,
  haproxy: `global
 maxconn 100
defaults base
 mode http
 timeout connect 2s
 timeout server 9s
 retries 3
frontend web
 bind :80,127.0.0.1:81 name web
 maxconn 5000
 acl shop hdr(host) -i shop.example.com www.example.com
 acl img path_end -i .png .jpg
 acl beta req.hdr(x-beta) -m str 1
 acl user cook(user) -m found
 http-request deny deny_status 404 if { path_beg /secret } || { method TRACE }
 http-request return status 200 content-type text/plain string ok if { path /ok }
 http-request set-header X-A %[src] 
 http-response del-header Server
 redirect scheme https code 301 if !{ ssl_fc } { path_reg ^/login(/.*)?$ }
 use_backend app if shop img or shop beta !user
 use_backend app if { url_param(a) -m beg b } { hdr_end(host) .example.org }
 default_backend app
backend app from base
 balance hdr(x-user)
 hash-type consistent
 cookie SRV insert indirect secure
 option httpchk GET /health HTTP/1.1\\r\\nHost:\\ a
 http-check send meth GET uri /h hdr Host b hdr X-C d
 http-check expect status 200-299,304
 default-server inter 2s fastinter 1s rise 2 fall 3 maxconn 50
 server a 10.0.0.1:80 check weight 10 cookie a
 server b 10.0.0.2:80 check backup port 81
listen db from base
 mode tcp
 bind [::1]:5432
 server db 10.0.3.1:5432 check slowstart 5s
`,
};
const imports = { nginx: importNginx, haproxy: importHaproxy };
const kinds = ['nginx', 'haproxy'] as const;

const filesOf = (text: string): ImportFiles => ({ read: () => ({ text }), match: pattern => [pattern] });
const read = (kind: (typeof kinds)[number], text: string) => imports[kind](filesOf(text), ['main']);

/** Whatever came of it: told with file and line, and a policy that a server takes. */
function assertSound(kind: string, text: string, made: Imported): void {
  for (const each of made.problems) {
    assert.match(each.code, /^import\./);
    assert.ok((each.source?.line ?? 0) > 0 && each.source?.file === 'main', JSON.stringify(each));
  }
  if (hasErrors(made.problems)) {
    assert.deepEqual(made.policy, {});
    return;
  }
  if (Object.keys(made.policy).length === 0) return;
  const yaml = importedText(kind, '.policy.schema.json', made);
  const { policy, problems } = parse([{ file: 'a.yaml', format: 'yaml', text: yaml }]);
  assert.ok(policy, `${JSON.stringify(problems[0])}\n${yaml}\n${text}`);
  assert.deepEqual(parse([{ file: 'a.json', format: 'json', text: JSON.stringify(made.policy) }]).policy, policy);
  const compiled = compile({ policy, state: noOperationalState, resolved: new Map() });
  assert.ok(!hasErrors(compiled.problems), JSON.stringify(compiled.problems[0]));
}

const words = [
  ...['', '0', '-1', '1.5', '99999', '4294967296', '999999999d', '0s', 'x', '/', '//', '*', '@a', '::', ':0', ':99999'],
  ...[
    'a'.repeat(300),
    'b'.repeat(5000),
    '__proto__',
    'constructor',
    '$host',
    '%[nope(]',
    '%',
    '(',
    '[',
    '^(a{99}){99}$',
  ],
  ...[
    '"\\"',
    "'",
    '{',
    '}',
    ';',
    '#',
    '\\',
    'é',
    '\u202e',
    '\u001b[2J',
    '\t',
    '.',
    '..',
    '-',
    '_',
    'if',
    'unless',
    '!',
    '||',
  ],
  ...['unix:/a', 'a=b', 'weight=', 'weight=9999', 'Host', 'Content-Length', '301', '99', '999', '256', 'TRACE', 'off'],
];

describe('whatever it is given, an import', () => {
  for (const kind of kinds) {
    it(`takes a whole ${kind} file`, () => {
      const made = read(kind, whole[kind]);
      assertSound(kind, whole[kind], made);
      assert.ok(Object.keys(made.policy).length === 4, JSON.stringify(made.problems));
    });

    it(`makes a sound policy or none of ${kind} files that were cut`, () => {
      const chance = new Chance(1);
      for (let turn = 0; turn < 80; turn += 1) {
        const [from, to] = [chance.below(whole[kind].length), chance.below(whole[kind].length)];
        const text = chance.happens(0.5)
          ? whole[kind].slice(0, to)
          : whole[kind].slice(0, from) + whole[kind].slice(to);
        assertSound(kind, text, read(kind, text));
      }
    });

    it(`makes a sound policy or none of ${kind} files with other words`, () => {
      const chance = new Chance(2);
      for (let turn = 0; turn < 200; turn += 1) {
        const parts = whole[kind].split(/(\s+|[;{}])/);
        for (let times = 1 + chance.below(4); times > 0; times -= 1)
          parts[chance.below(parts.length)] = chance.of(words);
        if (chance.happens(0.3)) parts.splice(chance.below(parts.length), 0, ...chance.some(parts, 1).slice(0, 40));
        const text = parts.join('');
        assertSound(kind, text, read(kind, text));
      }
    });
  }
});

describe('however much it is given, an import ends', { timeout: 120_000 }, () => {
  const lines = (count: number, line: (index: number) => string) =>
    Array.from({ length: count }, (_, at) => line(at)).join('\n');
  const cases: Readonly<Record<string, readonly [(typeof kinds)[number], string]>> = {
    'words of a line': ['haproxy', `frontend a\n use_backend b if ${'a or '.repeat(10_000)}a`],
    'words of a directive': ['nginx', `server { server_name ${'a '.repeat(10_000)}; }`],
    'lines by defaults': ['haproxy', `defaults\n${lines(5000, () => ' x')}\n${lines(5000, at => `backend b${at}`)}`],
    'hosts by rules': [
      'haproxy',
      `defaults\n mode http\nfrontend f\n bind :80\n${lines(2000, at => ` use_backend b if { hdr(host) h${at}.com }`)}\nbackend b\n server a 10.0.0.1:80`,
    ],
    'locations of a server': ['nginx', `server {\n${lines(20_000, at => `location ^~ /${at}/ { return 204; }`)}\n}`],
    'servers of one name': ['nginx', lines(10_000, () => 'server { server_name a; location / { root /; } }')],
    'addresses of a port': [
      'nginx',
      lines(4000, at => `server { listen 10.0.${at >> 8}.${at & 255}:80; return 204; }`),
    ],
    endpoints: ['nginx', `upstream a {\n${lines(12_000, at => `server 10.0.${at >> 8}.${at & 255}:80;`)}\n}`],
    'regular expressions': [
      'nginx',
      lines(30, at => `server { server_name a${at}; ${lines(900, of => `location ~ x${at}y${of} { return 204; }`)} }`),
    ],
    'a policy that is too large': [
      'nginx',
      lines(900, at => `server { server_name a${at}; return 200 "${'x'.repeat(2000)}"; }`),
    ],
    'lines of one acl': [
      'haproxy',
      `frontend f\n bind :80\n mode http\n use_backend b if a\n${lines(20_000, at => ` acl a path_reg x${at}`)}`,
    ],
    comments: ['nginx', `server { location / { return 204; ${lines(20_000, at => `x${at};`)} } }`],
  };
  for (const [name, [kind, text]] of Object.entries(cases)) {
    it(name, () => {
      const made = read(kind, text);
      assert.ok(made.problems.length > 0);
      assertSound(kind, text, made);
    });
  }
});
