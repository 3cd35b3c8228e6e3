import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { readToken } from '../../../src/admin/auth.ts';
import { millis } from '../../../src/base/units.ts';
import { createLog } from '../../../src/log.ts';
import { type RunningServer, startServer } from '../../../src/main.ts';
import { type FinishedSpan, Otlp } from '../../../src/otlp.ts';
import { readSettings } from '../../../src/settings.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';
import { XdsClient } from '../../support/xds-client.ts';
import { urls } from '../../support/xds-fixtures.ts';
import { shopPolicy } from '../control/controller-world.ts';

interface Told {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly status: { readonly code?: number; readonly message?: string };
}

/** Takes spans as a collector does. */
class Collector {
  readonly spans: Told[] = [];
  readonly headers: NodeJS.Dict<string | string[]>[] = [];
  /** What it answers. */
  status = 200;
  readonly #server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.headers.push({ ...request.headers, path: request.url });
    response.writeHead(this.status).end('{}');
    if (this.status !== 200) return;
    const body = JSON.parse(Buffer.concat(chunks).toString());
    this.spans.push(...body.resourceSpans[0].scopeSpans[0].spans);
  });

  async start(): Promise<string> {
    ends.push(() => this.stop());
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** The spans of the trace that a span is of, once all of these names are there. */
  async trace(name: string, names: readonly string[]): Promise<ReadonlyMap<string, Told>> {
    let found = new Map<string, Told>();
    await until(
      `a trace of ${name} with ${names}`,
      () => {
        for (const root of this.spans.filter(each => each.name === name)) {
          found = new Map(this.spans.filter(each => each.traceId === root.traceId).map(each => [each.name, each]));
          if (names.every(each => found.has(each))) return true;
        }
        return false;
      },
      10_000,
    ).catch(cause => {
      throw new Error(JSON.stringify(this.spans.map(({ name, traceId }) => [name, traceId])), { cause });
    });
    return found;
  }
}

const attribute = (span: Told | undefined, key: string) =>
  Object.values(span?.attributes.find(each => each.key === key)?.value ?? {})[0];

const ends: (() => Promise<void> | void)[] = [];
after(async () => {
  for (const end of ends.reverse()) await end();
});

/** Fleets that a client joins by its id alone. */
const policyOf = (changes: Parameters<typeof shopPolicy>[0] = {}) =>
  shopPolicy(changes).replaceAll(/match: { cluster: (edge|back) }/g, 'match: { id: "$1-*" }');

async function start(url: string) {
  const folder = temporaryDirectory();
  const policy = join(folder, 'switchyard.yaml');
  writeFileSync(policy, policyOf());
  const lines: string[] = [];
  const log = createLog('info', new Writable({ write: (line, _, done) => done(void lines.push(String(line))) }));
  const server: RunningServer = await startServer(
    {
      policy,
      data: join(folder, 'data'),
      xds: { host: '127.0.0.1', port: 0 },
      admin: { host: '127.0.0.1', port: 0 },
      adminHosts: new Set(),
      lingerLimit: millis(60_000),
      logLevel: 'info',
      traces: { url: `${url}/v1/traces`, headers: { 'x-key': 'planted-collector-key' }, service: 'shop' },
    },
    log,
  );
  ends.push(() => server.close());
  await until('a policy in force', () => server.control.accepted);
  const client = new XdsClient(server.xdsPort, 'delta');
  ends.push(() => client.cancel());
  client.delta({ typeUrl: urls.CDS, node: 'edge-1' });
  let acked = 0;
  const acknowledge = async () => {
    for (;;) client.ack(await client.response(++acked));
  };
  void acknowledge();
  await until('it holds all', () => client.responses.length >= 1);
  const write = async (address: string, headers: Readonly<Record<string, string>> = {}) => {
    const began = performance.now();
    const answer = await fetch(`${server.adminUrl}/api/v1/services/catalog/endpoints/${address}?force=true`, {
      method: 'PATCH',
      headers: {
        authorization: `Bearer ${readToken(join(folder, 'data'))}`,
        'content-type': 'application/json',
        ...headers,
      },
      body: '{"state":"draining"}',
    });
    assert.equal(answer.status, 200, await answer.text());
    return performance.now() - began;
  };
  return { server, policy, lines, write };
}

const building = ['build', 'compile', 'preflight', 'translate', 'publish'];

describe('traces of changes', () => {
  it('lead from a save, or a request with its caller, to the acknowledgement of each fleet', async () => {
    const collector = new Collector();
    const { policy, write } = await start(await collector.start());
    writeFileSync(policy, policyOf({ to: '[{ service: catalog }]' }));
    const saved = await collector.trace('save', [...building, 'read', 'push edge']);
    const parentOf = (name: string) =>
      [...saved.values()].find(each => each.spanId === saved.get(name)?.parentSpanId)?.name;
    assert.deepEqual(['read', 'build', 'compile', 'translate', 'publish', 'push edge'].map(parentOf), [
      'save',
      'save',
      'build',
      'build',
      'save',
      'publish',
    ]);
    for (const { startTimeUnixNano: from, endTimeUnixNano: to } of saved.values()) {
      assert.match(`${from} ${to}`, /^\d{19} \d{19}$/);
      assert.ok(BigInt(from) <= BigInt(to));
    }
    assert.deepEqual(collector.headers[0]?.['x-key'], 'planted-collector-key');
    assert.equal(collector.headers[0]?.['path'], '/v1/traces');

    const traceId = '0af7651916cd43dd8448eb211c80319c';
    await write('10.0.0.1:80', { traceparent: `00-${traceId}-b7ad6b7169203331-01` });
    const name = 'PATCH /api/v1/services/{service}/endpoints/{address}';
    const asked = await collector.trace(name, ['build', 'publish', 'push edge']);
    const request = asked.get(name);
    assert.deepEqual([request?.traceId, request?.parentSpanId, request?.kind], [traceId, 'b7ad6b7169203331', 2]);
    assert.equal(attribute(request, 'http.response.status_code'), '200');
    const push = asked.get('push edge');
    assert.deepEqual(push?.status, {});
    assert.equal(attribute(push, 'switchyard.proxies.acked'), '1');
    assert.equal(attribute(push, 'switchyard.fleet'), 'edge');
  });

  it('neither lose nor delay anything while nobody takes them, and say so once', async () => {
    const { write, lines, server } = await start('http://127.0.0.1:9');
    await until('it is told', () => lines.some(line => line.includes('traces cannot be sent to 127.0.0.1:9')));
    const times = [await write('10.0.0.1:80'), await write('10.0.0.2:80')];
    assert.ok(Math.max(...times) < 4000, String(times));
    assert.equal(server.control.accepted?.overrides.length, 2);
    assert.equal(lines.filter(line => line.includes('traces cannot be sent')).length, 1);
    assert.ok(!lines.join('').includes('planted-collector-key'));
    const began = performance.now();
    await server.close();
    assert.ok(performance.now() - began < 4000, 'the end does not wait for them');
  });
});

describe('the way to a collector', () => {
  const span: FinishedSpan = {
    traceId: 'a',
    spanId: 'b',
    name: 'x',
    kind: 'internal',
    from: 1,
    to: 2.5,
    attributes: { part: 0.5, good: true },
  };
  const sender = (url: string, told: string[] = []) =>
    new Otlp({
      url: `${url}/v1/traces`,
      headers: {},
      service: 's',
      version: '1',
      report: message => void told.push(message),
      timing: { every: 5, longest: 20, patience: 500, quiet: 0 },
    });

  it('is tried again, with the newest of what waits', async () => {
    const collector = new Collector();
    collector.status = 503;
    const told: string[] = [];
    const otlp = sender(await collector.start(), told);
    for (let number = 0; number < 3000; number++) otlp.add({ ...span, name: `x${number}` });
    await until('it has failed', () => told.length >= 2);
    assert.match(told[0] ?? '', /^traces cannot be sent to 127\.0\.0\.1:\d+: it answers 503; \d+ spans were dropped/);
    collector.status = 200;
    await until('all that waited are there', () => collector.spans.length === 2048);
    assert.equal(collector.spans.at(-1)?.name, 'x2999');
    assert.deepEqual(collector.spans[0]?.attributes, [
      { key: 'part', value: { doubleValue: 0.5 } },
      { key: 'good', value: { boolValue: true } },
    ]);
    assert.equal(collector.spans[0]?.endTimeUnixNano, '2500000');
    await otlp.close();
    collector.stop();
  });

  it('is not tried again with what it does not take', async () => {
    const collector = new Collector();
    collector.status = 400;
    const told: string[] = [];
    const otlp = sender(await collector.start(), told);
    otlp.add(span);
    await until('it is told', () => told.length === 1);
    assert.match(told[0] ?? '', /it answers 400; 1 spans were dropped/);
    collector.status = 200;
    otlp.add({ ...span, name: 'next' });
    await until('the next is there', () => collector.spans.length > 0);
    assert.equal(collector.spans[0]?.name, 'next');
    otlp.add({ ...span, name: 'last' });
    await otlp.close();
    assert.equal(collector.spans.at(-1)?.name, 'last', 'what waits at the end is sent');
    collector.stop();
  });

  it('is said by a flag, or by the variables that all programs read', () => {
    const traces = (flags: object, environment: Record<string, string> = {}) => {
      const outcome = readSettings({ ...flags }, environment);
      return outcome.kind === 'good' ? (outcome.settings.traces ?? outcome.warnings) : outcome.mistakes;
    };
    const [endpoint, url] = ['http://otel:4318', 'http://otel:4318/v1/traces'];
    assert.deepEqual(traces({}), []);
    assert.deepEqual(traces({ otel: `${endpoint}/` }), { url, headers: {}, service: 'switchyard' });
    const all = {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_HEADERS: 'a=b%20c, d=e',
      OTEL_SERVICE_NAME: 'x',
    };
    assert.deepEqual(traces({}, all), { url, headers: { a: 'b c', d: 'e' }, service: 'x' });
    const exact = {
      ...all,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://t/x',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'k=v',
    };
    assert.deepEqual(traces({}, exact), { url: 'https://t/x', headers: { k: 'v' }, service: 'x' });
    assert.deepEqual(traces({}, { ...all, OTEL_SDK_DISABLED: 'true' }), []);
    assert.deepEqual(traces({}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'otel:4318' }), [
      'OTEL_EXPORTER_OTLP_ENDPOINT is no URL of http: there are no traces',
    ]);
    assert.match(String(traces({ otel: 'otel' })), /^--otel: is no URL of a collector, such as/);
  });

  it('is not even loaded where nobody traces', () => {
    const script = `
      import { registerHooks } from 'node:module';
      const seen = [];
      registerHooks({ resolve: (name, context, next) => { const found = next(name, context); seen.push(found.url); return found; } });
      await import('./src/main.ts');
      console.log(seen.length > 100, seen.filter(url => /src\\/(tracing|otlp)\\.ts$/.test(url)));`;
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.equal(run.stdout, 'true []\n', run.stderr);
  });
});
