import { createServer, request } from 'node:http';
import { parseArgs } from 'node:util';

/**
 * One instance of an application of the demonstration: says who it is, answers health checks, and on
 * `/…/via/SERVICE` calls that service through its sidecar's outbound port, as an application on a plain machine would.
 */
const { values } = parseArgs({
  options: {
    service: { type: 'string', default: 'app' },
    version: { type: 'string', default: 'v1' },
    name: { type: 'string', default: 'app-1' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    /** The sidecar's outbound HTTP port, as HOST:PORT. */
    outbound: { type: 'string' },
  },
});

const server = createServer((incoming, outgoing) => {
  const { pathname } = new URL(incoming.url ?? '/', 'http://local');
  const answer = (status: number, body: object) => {
    outgoing.writeHead(status, { 'content-type': 'application/json' });
    outgoing.end(JSON.stringify(body));
  };
  const self = { service: values.service, version: values.version, instance: values.name, path: pathname };
  if (pathname === '/health') return answer(200, { status: 'ok' });
  const callee = /\/via\/([a-z-]+)$/.exec(pathname)?.[1];
  if (callee === undefined) return answer(200, self);
  callThroughSidecar(callee).then(
    called => answer(200, { ...self, called }),
    (error: Error) => answer(502, { ...self, error: error.message }),
  );
});

function callThroughSidecar(service: string): Promise<unknown> {
  const [host, port] = (values.outbound ?? '').split(':');
  if (!host || !port) return Promise.reject(new Error('this instance has no sidecar'));
  return new Promise((resolve, reject) => {
    const call = request(
      { host, port, path: '/items', headers: { host: `${service}.mesh` }, timeout: 5000 },
      response => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text));
          else reject(new Error(`${service} answered ${response.statusCode}: ${text.slice(0, 200)}`));
        });
        response.on('error', reject);
      },
    );
    call.on('timeout', () => call.destroy(new Error(`${service} did not answer in 5 s`)));
    call.on('error', reject);
    call.end();
  });
}

// Longer than any caller keeps idle connections, so that it is never this side that closes one under a request.
server.keepAliveTimeout = 120_000;
server.listen(Number(values.port), values.host, () => {
  const address = server.address();
  process.stdout.write(`listening ${typeof address === 'object' ? address?.port : ''}\n`);
});
process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
