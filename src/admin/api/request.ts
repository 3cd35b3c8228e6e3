import type { BodyInput, Operation, ParamsOf, QueryInput } from './operation.ts';

/** What there is to say of an operation; only what it has is asked for. */
export type Asking<O extends Operation> = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: QueryInput<O>;
} & (keyof ParamsOf<O> extends never ? unknown : { readonly params: ParamsOf<O> }) &
  (BodyInput<O> extends undefined ? unknown : { readonly body: BodyInput<O> });

export interface ApiRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Given {
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: object;
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A request of an operation, as it is sent. */
export function requestOf<O extends Operation>(operation: O, asking: Asking<O>): ApiRequest {
  const { params = {}, query = {}, headers = {}, body }: Given = asking;
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  return {
    method: operation.method.toUpperCase(),
    path: search.size === 0 ? path : `${path}?${search}`,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
}
