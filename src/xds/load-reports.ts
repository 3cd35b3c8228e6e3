import { Buffer } from 'node:buffer';
import { encode } from '../../proto/codec.ts';
import type { RpcStream, StreamListener } from './rpc.ts';

/** The gRPC service that a bootstrap's `load_stats_config` leads to. */
export const loadReporting = 'envoy.service.load_stats.v3.LoadReportingService';

/** Without an interval Envoy would report without a pause; without clusters it reports nothing. */
const askForNothing = Buffer.from(
  encode('envoy.service.load_stats.v3.LoadStatsResponse', { load_reporting_interval: '60s' }),
);

/**
 * Answers load-report streams, and asks for no reports: proxies name the service in their bootstrap, which later
 * features cannot change, and a stream that is refused would be tried again for ever.
 */
export class LoadReports {
  readonly #streams = new Set<RpcStream>();

  serve(stream: RpcStream): StreamListener {
    let answered = false;
    this.#streams.add(stream);
    return {
      received: () => {
        if (!answered) stream.write(askForNothing);
        answered = true;
      },
      finished: () => stream.end('OK', ''),
      closed: () => void this.#streams.delete(stream),
    };
  }

  /** Ends all of them. */
  close(): void {
    for (const stream of this.#streams) stream.end('OK', '');
    this.#streams.clear();
  }
}
