import { type DestinationStream, type Logger, pino } from 'pino';
import { escaped } from './base/one-line.ts';
import { prettyLine } from './pretty-line.ts';

/** Keys whose values are never written (P29). */
const secrets = ['token', 'authorization', 'cookie', 'password', 'secret', 'privateKey'];

/** For programs, or for a person, whose terminal may want colours. */
export type LogFormat = 'json' | 'pretty' | 'colours';

/**
 * A line an event, without a character that a terminal would obey, on standard output unless told otherwise; written when
 * the call returns.
 */
export function createLog(
  level: string,
  to: DestinationStream = pino.destination({ dest: 1, sync: true }),
  format: LogFormat = 'json',
): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // Proxies say of themselves what they like, and logs are read on terminals.
      hooks: { streamWrite: format === 'json' ? escaped : line => prettyLine(line, format === 'colours') },
      formatters: { level: label => ({ level: label }) },
      redact: { paths: secrets.flatMap(key => [key, `*.${key}`, `*.*.${key}`]), censor: '[redacted]' },
    },
    to,
  );
}
