import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { debianProgram } from './debian.ts';
import { startProxy } from './proxy-process.ts';
import type { Service, System } from './system.ts';

interface Settings {
  /** Lines of `http`. */
  readonly http: string;
  /** Lines of every `upstream`. */
  readonly upstream: (name: string) => string;
  /** Parameters of every server. */
  readonly server: string;
}

/** `upstream` and `proxy_pass` as in the manual's first example. Open-source nginx has no active checks. */
export const nginx = system(
  'nginx',
  '`proxy_pass` to an `upstream`; `max_fails` 1, `fail_timeout` 10 s, `proxy_next_upstream error timeout` as by default; no active checks, which the open-source nginx does not have',
  { http: '', upstream: () => '', server: '' },
);

export const nginxTuned = system(
  'nginx-tuned',
  '`zone`, `keepalive` 32, `max_fails` 2, `fail_timeout` 5 s, `proxy_connect_timeout` 250 ms, `proxy_read_timeout` 500 ms, `proxy_next_upstream error timeout http_502 http_503 http_504`, `proxy_next_upstream_tries` 2',
  {
    http: `
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_connect_timeout 250ms;
  proxy_read_timeout 500ms;
  proxy_next_upstream error timeout http_502 http_503 http_504;
  proxy_next_upstream_tries 2;`,
    upstream: name => `\n    zone ${name} 64k;\n    keepalive 32;`,
    server: ' max_fails=2 fail_timeout=5s',
  },
);

function system(name: string, about: string, settings: Settings): System {
  return {
    name,
    about,
    async start(services, { folder, port, workers, say }) {
      const program = await debianProgram('nginx', say);
      mkdirSync(path.join(folder, 'temporary'));
      const file = path.join(folder, 'nginx.conf');
      writeFileSync(file, configuration(services, { ...settings, port, workers, folder }));
      const args = ['-p', folder, '-e', path.join(folder, 'error.log'), '-c', file, '-g', 'daemon off;'];
      return { version: program.version, stop: await startProxy(program, args, port) };
    },
  };
}

function configuration(
  services: readonly Service[],
  {
    port,
    workers,
    folder,
    ...settings
  }: Settings & { readonly port: number; readonly workers: number; readonly folder: string },
): string {
  const upstream = ({ name, victim, others }: Service) => `  upstream ${name} {
${[victim.port, ...others].map(each => `    server 127.0.0.1:${each}${settings.server};`).join('\n')}${settings.upstream(name)}
  }`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    each => `  ${each}_temp_path ${path.join(folder, 'temporary', each)};`,
  );
  return `worker_processes ${workers};
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${path.join(folder, 'nginx.pid')};
events { worker_connections 8192; }
http {
  access_log off;
${temporary.join('\n')}${settings.http}
${services.map(upstream).join('\n')}
  server {
    listen 127.0.0.1:${port};
${services.map(({ name }) => `    location /${name}/ { proxy_pass http://${name}; }`).join('\n')}
  }
}
`;
}
