import { Metadata, Server, ServerCredentials, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import { decode, encode } from '../../proto/codec.ts';
import type { OrcaLoadReport } from '../../proto/gen/xds.data.orca.v3.ts';
import { serviceDefinition } from '../../proto/services.ts';

type ReportStream = ServerWritableStream<Buffer, Buffer>;

/** A stream of load reports that a proxy has opened. */
export interface OpenedReports {
  readonly authority: string;
  /** Seconds between reports that are asked for, as Envoy writes them: `0.100s`. */
  readonly interval: unknown;
}

/** A gRPC server that reports its load over streams, and answers health checks under its name in `x-backend`. */
export interface OrcaServer extends AsyncDisposable {
  readonly address: string;
  /** All streams since the start. */
  readonly opened: readonly OpenedReports[];
  /** What it reports from now on, ten times a second; undefined: nothing, on streams that stay open. */
  report(load: OrcaLoadReport | undefined): void;
}

const period = 100;

/** @param on IP address and port */
export async function startOrcaServer(name: string, on: string): Promise<OrcaServer> {
  const opened: OpenedReports[] = [];
  const streams = new Set<ReportStream>();
  let load: OrcaLoadReport | undefined;
  const send = (stream: ReportStream) =>
    load && stream.write(Buffer.from(encode('xds.data.orca.v3.OrcaLoadReport', load)));
  const server = new Server();
  server.addService(serviceDefinition('xds.service.orca.v3.OpenRcaService'), {
    StreamCoreMetrics: (stream: ReportStream) => {
      const { report_interval: interval } = decode('xds.service.orca.v3.OrcaLoadReportRequest', stream.request);
      opened.push({ authority: stream.getHost(), interval });
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
      stream.once('cancelled', () => streams.delete(stream));
      stream.on('error', () => {});
      send(stream);
    },
  });
  server.addService(serviceDefinition('grpc.health.v1.Health'), {
    Check: (call: ServerUnaryCall<Buffer, Buffer>, answer: (error: null, value: Buffer) => void) => {
      const headers = new Metadata();
      headers.set('x-backend', name);
      call.sendMetadata(headers);
      answer(null, Buffer.from(encode('grpc.health.v1.HealthCheckResponse', { status: 'SERVING' })));
    },
  });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(on, ServerCredentials.createInsecure(), error => (error ? reject(error) : resolve()));
  });
  const timer = setInterval(() => streams.forEach(send), period);
  return {
    address: on,
    opened,
    report: next => {
      load = next;
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      server.forceShutdown();
    },
  };
}
