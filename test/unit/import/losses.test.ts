import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { importHaproxy } from '../../../src/import/haproxy.ts';
import { importNginx } from '../../../src/import/nginx.ts';
import type { Imported } from '../../../src/import/policy-text.ts';
import type { ImportFiles } from '../../../src/import/statement.ts';

const filesOf = (text: string): ImportFiles => ({ read: () => ({ text }), match: pattern => [pattern] });
const nginx = (text: string) => importNginx(filesOf(text), ['main']);
const haproxy = (text: string) => importHaproxy(filesOf(`defaults\n mode http\n${text}`), ['main']);

/** Line and message of everything that is told. */
const told = ({ problems }: Imported) => problems.map(each => `${each.source?.line} ${each.message}`);

function assertTold(made: Imported, ...expected: readonly RegExp[]): void {
  const all = told(made);
  assert.equal(all.length, expected.length, all.join('\n'));
  for (const [index, each] of expected.entries()) assert.match(all[index] ?? '', each);
}

describe('what an import of HAProxy cannot keep is told', () => {
  const app = (server: string, more = '') => `backend app\n${more} server ${server}\n`;

  it('weights, paces and ports beyond what a policy takes', () => {
    const made = haproxy(app('a 10.0.0.1:80 weight 300 check rise 200 inter 2d port 70000'));
    assertTold(made, /^4 .*300 becomes 256/, /^4 .*70000 becomes 65535/, /^4 .*2d becomes 24h/, /^4 .*200 becomes 100/);
  });

  it('a server without a port', () => {
    assertTold(haproxy(app('a 10.0.0.1')), /^4 .*its port is 80, as none is written/);
  });

  it('retries and times', () => {
    const made = haproxy(app('a 10.0.0.1:80', ' retries 50\n timeout connect 5m\n'));
    assertTold(made, /^4 .*50 becomes 10/, /^5 .*5m becomes 1m/);
    assert.equal(made.policy.services?.['app']?.connectTimeout, '1m');
  });

  it('acls that no rule asks for, and callers that are not held up', () => {
    const made = haproxy(
      'frontend f\n bind :80\n acl a path /a\n acl b path /b\n http-request tarpit if b\n default_backend app\nbackend app\n server a 10.0.0.1:80',
    );
    assertTold(made, /^5 "acl a path \/a" is left out: no rule/, /^7 .*answered at once/);
  });

  it('words of bind, and a port that two sections open', () => {
    const made = haproxy(
      'listen a\n bind :80 accept-proxy interface eth0 name x\n server a 10.0.0.1:80\nlisten b\n bind :80\n server b 10.0.0.2:80',
    );
    assertTold(
      made,
      /^4 .*accept-proxy interface eth0 has no counterpart/,
      /^6 .*left out: The host/,
      /^7 .*open already/,
    );
  });

  it('all headers of a check are sent, and its body is not', () => {
    const made = haproxy(
      app(
        'a 10.0.0.1:80 check',
        ' option httpchk\n http-check send meth GET uri /h hdr Host h hdr X-A 1 hdr X-B 2 body z\n',
      ),
    );
    assertTold(made, /^5 .*without a body/);
    const check = made.policy.services?.['app']?.healthCheck;
    assert.deepEqual(check && 'http' in check && check.http, {
      path: '/h',
      method: 'GET',
      host: 'h',
      headers: { 'x-a': '1', 'x-b': '2' },
      expect: ['200-399'],
    });
  });

  it('a check of a path that no policy takes', () => {
    const made = haproxy(app('a 10.0.0.1:80 check', ' option httpchk GET health\n'));
    assert.ok(
      told(made).some(each => /healthCheck/.test(each)),
      told(made).join('\n'),
    );
  });
});

describe('what an import of nginx cannot keep is told', () => {
  const server = (text: string) => nginx(`upstream a { server 10.0.0.1:80; }\nserver {\n${text}\n}`);

  it('words of listen', () => {
    const made = server('listen 80 proxy_protocol setfib=1 reuseport;\nreturn 204;');
    assertTold(made, /^3 .*proxy_protocol, setfib=1 has no counterpart/);
  });

  it('a port that is taken, or is none', () => {
    const made = server('listen 80;\nlisten 127.0.0.1:80;\nlisten 99999;\nlisten unix:/a;\nreturn 204;');
    assertTold(made, /^4 .*0\.0\.0\.0:80 is taken/, /^5 .*an IP address and a port/, /^6 .*an IP address and a port/);
  });

  it('more tries than a policy takes', () => {
    const made = server(
      'location / { proxy_set_header Host $host; proxy_pass http://a;\nproxy_next_upstream_tries 30; }',
    );
    assertTold(made, /^4 .*30 becomes 11/);
    assert.deepEqual(made.policy.routes?.['http-80']?.rules[0]?.retries, { attempts: 10 });
  });

  it('times to connect, wherever they are said', () => {
    const made = nginx('http {\nproxy_connect_timeout 5m;\nserver {\nproxy_connect_timeout 2s;\nreturn 204; } }');
    assertTold(made, /^2 .*5m becomes 1m/, /^4 .*left out/);
  });

  it('backups where all others are down', () => {
    const made = nginx('upstream a {\nserver 10.0.0.1:80 down; server 10.0.0.2:80 backup; }');
    assertTold(made, /^1 .*backups get all requests/);
  });

  it('a server that no request reaches, and locations that none gets to', () => {
    const made = nginx('server {\nlocation /a/ { }\nreturn 204; }\nserver {\nlimit_req x; return 204; }');
    assertTold(made, /^2 .*answers before/, /^4 .*no request reaches it/);
  });
});
