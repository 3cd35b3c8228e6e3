import { z } from 'zod';

/** A collector of traces. */
export interface TraceSettings {
  /** `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  /** Never to be printed. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the server is called in traces. */
  readonly service: string;
}

export const collector = z.url({
  protocol: /^https?$/,
  error: 'is no URL of a collector, such as http://127.0.0.1:4318',
});

/** The flag wins over the variables that all programs with OpenTelemetry read. */
export function tracesOf(
  flag: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly settings?: TraceSettings; readonly warnings: readonly string[] } {
  const read = (name: string) =>
    environment[`OTEL_EXPORTER_OTLP_TRACES_${name}`] || environment[`OTEL_EXPORTER_OTLP_${name}`];
  const exact = flag === undefined && environment['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  const given = exact || flag || environment['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (!given || (flag === undefined && environment['OTEL_SDK_DISABLED'] === 'true')) return { warnings: [] };
  const url = collector.safeParse(given);
  if (!url.success) return { warnings: ['OTEL_EXPORTER_OTLP_ENDPOINT is no URL of http: there are no traces'] };
  const headers = (read('HEADERS') ?? '').split(',').flatMap(pair => {
    const [, name = '', value = ''] = /^\s*([^=\s]+)\s*=(.*)$/.exec(pair) ?? [];
    return name === '' ? [] : [[name, unescaped(value.trim())] as const];
  });
  const settings = {
    url: exact ? given : `${given.replace(/\/+$/, '')}/v1/traces`,
    headers: Object.fromEntries(headers),
    service: environment['OTEL_SERVICE_NAME'] || 'switchyard',
  };
  const protocol = read('PROTOCOL') ?? '';
  const other = protocol === 'grpc' && flag === undefined;
  return { settings, warnings: other ? ['traces are sent over HTTP, though OTEL_EXPORTER_OTLP_PROTOCOL is grpc'] : [] };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
