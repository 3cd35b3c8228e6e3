import { type DestinationStream, type Logger, pino } from 'pino';

/** Keys whose values are never written (P29). */
const secrets = ['token', 'authorization', 'cookie', 'password', 'secret', 'privateKey'];

/** Structured lines of JSON, on standard output unless told otherwise; written when the call returns. */
export function createLog(level: string, to: DestinationStream = pino.destination({ dest: 1, sync: true })): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      redact: { paths: secrets.flatMap(key => [key, `*.${key}`, `*.*.${key}`]), censor: '[redacted]' },
    },
    to,
  );
}
