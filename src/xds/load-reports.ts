import { Buffer } from 'node:buffer';
import { encode } from '../../proto/codec.ts';

/** The gRPC service that a bootstrap's `load_stats_config` leads to. */
export const loadReporting = 'envoy.service.load_stats.v3.LoadReportingService';

/** What is needed of a gRPC call. */
interface Call {
  on(event: 'data', listener: (bytes: Buffer) => void): unknown;
  on(event: 'end' | 'close' | 'error', listener: () => void): unknown;
  write(bytes: Buffer): unknown;
  end(): unknown;
}

/** Without an interval Envoy would report without a pause; without clusters it reports nothing. */
const askForNothing = Buffer.from(
  encode('envoy.service.load_stats.v3.LoadStatsResponse', { load_reporting_interval: '60s' }),
);

/**
 * Answers load-report streams, and asks for no reports: proxies name the service in their bootstrap, which later
 * features cannot change, and a stream that is refused would be tried again for ever.
 */
export class LoadReports {
  readonly #calls = new Set<Call>();

  serve(call: Call): void {
    const ended = (): void => void this.#calls.delete(call);
    let answered = false;
    call.on('data', () => {
      if (!answered) call.write(askForNothing);
      answered = true;
    });
    call.on('end', () => call.end());
    call.on('close', ended);
    call.on('error', ended);
    this.#calls.add(call);
  }

  /** Ends all of them. */
  close(): void {
    for (const call of this.#calls) call.end();
    this.#calls.clear();
  }
}
