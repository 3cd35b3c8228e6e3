import type { TracedRequest } from './request.ts';

/** A URL as people write it: whole, or a path alone. Not made plain: what is odd in it is what Envoy is to see. */
export interface RequestLine {
  readonly host: string;
  readonly path: string;
  /** Port that the URL names; undefined for none. */
  readonly port: number | undefined;
}

/** @returns undefined for what is neither a URL nor a path */
export function requestLine(url: string): RequestLine | undefined {
  const found = /^(?:https?:\/\/([^/?#\s]+))?(\/[^#\s]*|\?[^#\s]*)?(?:#.*)?$/.exec(url);
  const [, host, path = ''] = found ?? [];
  if (!found || (host === undefined && path === '')) return undefined;
  const [, port] = /:(\d{1,5})$/.exec(host ?? '') ?? [];
  return {
    host: host ?? 'localhost',
    path: path.startsWith('/') ? path : `/${path}`,
    port: port === undefined ? undefined : Number(port),
  };
}

/** The request with a `host` header taken as its host, and names of headers in small letters; each value is a line. */
export function tracedRequest(
  { host, path }: RequestLine,
  method: string,
  given: Readonly<Record<string, string | readonly string[]>>,
): TracedRequest {
  const headers = Object.entries(given).flatMap(([name, value]) =>
    [value].flat().map(each => [name.toLowerCase(), each] as const),
  );
  const own = headers.findLast(([name]) => name === 'host' || name === ':authority');
  return {
    method,
    path,
    host: own?.[1] ?? host,
    headers: headers.filter(([name]) => name !== 'host' && !name.startsWith(':')),
  };
}
