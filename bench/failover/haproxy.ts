import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { debianProgram } from './debian.ts';
import { startProxy } from './proxy-process.ts';
import type { Service, System } from './system.ts';

/** Timeouts are those of the configuration that Debian's package installs; checks have the documented defaults. */
const plain = `
  timeout connect 5s
  timeout client 50s
  timeout server 50s
  option httpchk GET /health
  default-server check`;

/** Everything that the manual offers for a quick failover, with the times of Switchyard's defaults. */
const tuned = `
  timeout connect 250ms
  timeout check 500ms
  timeout client 50s
  timeout server 500ms
  option httpchk GET /health
  option redispatch 1
  retries 2
  retry-on all-retryable-errors
  default-server check inter 1s fastinter 250ms downinter 1s fall 2 rise 2 observe layer7 error-limit 3 on-error mark-down`;

/** Configured by the manual as far as it goes by itself: checks are on, and nothing is tuned. */
export const haproxy = system(
  'haproxy',
  '`option httpchk`, `check`; `inter` 2 s, `fall` 3, `rise` 2 as by default, timeouts of Debian’s own file',
  { defaults: plain, backend: '' },
);

export const haproxyTuned = system(
  'haproxy-tuned',
  '`inter` 1 s, `fastinter` 250 ms, `fall` 2, `rise` 2, `timeout check` 500 ms, `observe layer7` with `error-limit` 3 and `mark-down`, `option redispatch 1`, `retries` 2, `retry-on all-retryable-errors` but for POST, `timeout connect` 250 ms, `timeout server` 500 ms',
  { defaults: tuned, backend: '  http-request disable-l7-retry if METH_POST' },
);

interface Settings {
  readonly defaults: string;
  /** Lines of every backend. */
  readonly backend: string;
}

function system(name: string, about: string, settings: Settings): System {
  return {
    name,
    about,
    async start(services, { folder, port, workers, say }) {
      const program = await debianProgram('haproxy', say);
      const socket = path.join(folder, 'admin.sock');
      const file = path.join(folder, 'haproxy.cfg');
      writeFileSync(file, configuration(services, { ...settings, port, workers, socket }));
      const stop = await startProxy(program, ['-db', '-f', file], port);
      return { version: program.version, inUse: () => inUse(socket), stop };
    },
  };
}

function configuration(
  services: readonly Service[],
  {
    port,
    workers,
    socket,
    ...settings
  }: Settings & { readonly port: number; readonly workers: number; readonly socket: string },
): string {
  const backend = ({ name, victim, others }: Service) =>
    [
      `backend ${name}`,
      '  balance roundrobin',
      settings.backend,
      `  server victim 127.0.0.1:${victim.port}`,
      ...others.map((each, index) => `  server other${index} 127.0.0.1:${each}`),
    ].join('\n');
  return `global
  nbthread ${workers}
  maxconn 8192
  stats socket ${socket} mode 600 level user
defaults
  mode http${settings.defaults}
frontend edge
  bind 127.0.0.1:${port}
  use_backend %[path,field(2,/)]
${services.map(backend).join('\n')}
`;
}

/** The backends whose server `victim` counts as up, by the statistics on HAProxy's own socket. */
async function inUse(socket: string): Promise<ReadonlySet<string>> {
  const [header = '', ...rows] = (await command(socket, 'show stat -1 4 -1')).trim().split('\n');
  const status = header.split(',').indexOf('status');
  const up = rows.map(row => row.split(',')).filter(row => row[1] === 'victim' && row[status]?.startsWith('UP'));
  return new Set(up.map(([name = '']) => name));
}

function command(socket: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = connect(socket);
    let answer = '';
    call.on('data', chunk => {
      answer += chunk.toString();
    });
    call.once('error', reject);
    call.once('end', () => resolve(answer));
    call.write(`${text}\n`);
  });
}
