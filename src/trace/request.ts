import type { HttpConnectionManager } from '../../proto/gen/envoy.extensions.filters.network.http_connection_manager.v3.ts';

/** A request as a caller sends it, over HTTP without TLS. */
export interface TracedRequest {
  readonly method: string;
  /** Host header, or `:authority`; with a port or without. */
  readonly host: string;
  /** With its query. Begins with `/`. */
  readonly path: string;
  /** A line each, cookies among them; names in small letters. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** What becomes of a request before routes see it: itself, made plain, or an answer. */
export type Arrival =
  | { readonly kind: 'arrived'; readonly request: TracedRequest }
  | { readonly kind: 'redirect'; readonly path: string }
  | { readonly kind: 'refused'; readonly why: string };

/**
 * Does to a request what Envoy's connection manager does to it before routing, with the settings that ours have: slashes
 * that are escaped are unescaped (the caller is sent to the plain path), `.` and `..` resolved, double slashes merged,
 * headers with `_` dropped.
 *
 * @see Envoy's `path_with_escaped_slashes_action`, `normalize_path`, `merge_slashes`, `headers_with_underscores_action`
 */
export function arrival(request: TracedRequest, manager: HttpConnectionManager): Arrival {
  const { path, headers } = request;
  if (path.includes('#')) return { kind: 'refused', why: 'the path holds a fragment (#)' };
  const [plain, query] = splitPath(path);
  const unescapes = manager.path_with_escaped_slashes_action === 'UNESCAPE_AND_REDIRECT';
  const unescaped = unescapes ? plain.replace(/%2f/gi, '/').replace(/%5c/gi, '\\') : plain;
  const canonical = manager.normalize_path ? canonicalPath(unescaped) : unescaped;
  if (canonical === undefined) return { kind: 'refused', why: 'the path cannot be made plain' };
  const merged = (manager.merge_slashes ? mergedSlashes(canonical) : canonical) + query;
  if (unescaped !== plain) return { kind: 'redirect', path: merged };
  const drops = manager.common_http_protocol_options?.headers_with_underscores_action === 'DROP_HEADER';
  const kept = drops ? headers.filter(([name]) => !name.includes('_')) : headers;
  return { kind: 'arrived', request: { ...request, path: merged, headers: kept } };
}

/** The path, and its query with the question mark. */
export function splitPath(path: string): readonly [path: string, query: string] {
  const at = path.indexOf('?');
  return at < 0 ? [path, ''] : [path.slice(0, at), path.slice(at)];
}

/** Of a path of slashes alone two are left, in Envoy too. */
function mergedSlashes(path: string): string {
  return /^\/{2,}$/.test(path) ? '//' : path.replace(/\/{2,}/g, '/');
}

/** As browsers do it (WHATWG URL), which leave escaped letters alone; Envoy's library does not. Undefined for no path. */
function canonicalPath(path: string): string | undefined {
  if (!path.startsWith('/')) return undefined;
  const plain = path.replace(/%[0-9a-f]{2}/gi, escaped => {
    const letter = String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(letter) ? letter : escaped;
  });
  return URL.parse(`http://host${plain}`)?.pathname;
}
