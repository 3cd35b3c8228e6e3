import { pino } from 'pino';
import { millis } from '../../../src/base/units.ts';
import { startServer } from '../../../src/main.ts';

/** The whole server as it is measured: clients are as many as the load wants, and all have one address. */
export function startMeasured(policy: string, data: string, xdsPort = 0): ReturnType<typeof startServer> {
  const many = 1_000_000;
  return startServer(
    {
      policy,
      data,
      xds: { host: '127.0.0.1', port: xdsPort },
      admin: { host: '127.0.0.1', port: 0 },
      adminHosts: new Set(),
      lingerLimit: millis(60_000),
      logLevel: 'error',
      xdsLimits: { peerConnections: many, peerStreams: many, connections: many, streams: many, clients: many },
    },
    pino({ level: 'error' }, pino.destination(2)),
  );
}
