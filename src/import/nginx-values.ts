import type { Statement } from './statement.ts';

/** Directives of a block, with those around it: what says nothing has what is said around it. */
export class Scope {
  readonly statements: readonly Statement[];
  readonly #outer: Scope | undefined;
  #byName: ReadonlyMap<string, readonly Statement[]> | undefined;

  constructor(statements: readonly Statement[], outer?: Scope) {
    this.statements = statements;
    this.#outer = outer;
  }

  /** Those of the block itself. */
  own(name: string): readonly Statement[] {
    this.#byName ??= Map.groupBy(this.statements, each => each.name);
    return this.#byName.get(name) ?? [];
  }

  /** Those of the nearest block that has any, in the order of the file. */
  all(...names: readonly string[]): readonly Statement[] {
    const lists = names.map(each => this.own(each)).filter(each => each.length > 0);
    const own = lists.length > 1 ? this.statements.filter(each => names.includes(each.name)) : (lists[0] ?? []);
    return own.length > 0 || !this.#outer ? own : this.#outer.all(...names);
  }

  get(name: string): Statement | undefined {
    return this.all(name).at(-1);
  }
}

/** A time of nginx as a duration: `60` is seconds; undefined: it is none. */
export function timeOf(text: string | undefined): string | undefined {
  if (text === undefined || !/^(\d{1,9}(ms|s|m|h|d)?)(\s*\d{1,9}(ms|s|m|h|d))*$/.test(text)) return undefined;
  const duration = /\d$/.test(text) ? `${text}s` : text;
  return /^0+s$/.test(duration) ? '0s' : duration.replaceAll(/\s/g, '');
}

/** `weight=5` and `backup` of the words after a server's address. */
export function wordsOf(args: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    args.map(each => {
      const at = each.indexOf('=');
      return at < 0 ? [each, ''] : [each.slice(0, at), each.slice(at + 1)];
    }),
  );
}

/** What a variable reads of a request. */
export type Source =
  | { readonly header: string }
  | { readonly query: string }
  | { readonly cookie: { readonly name: string } }
  | { readonly sourceIp: true };

/** What of a request a variable holds, where a policy can ask for that. */
export function sourceOf(text: string): Source | undefined {
  const [, name = ''] = /^\$\{?(\w+)\}?$/.exec(text) ?? [];
  if (/^(binary_)?remote_addr$|^realip_remote_addr$/.test(name)) return { sourceIp: true };
  const [, kind, rest = ''] = /^(http|arg|cookie)_(\w+)$/.exec(name) ?? [];
  if (kind === 'http') return { header: rest.replaceAll('_', '-').toLowerCase() };
  if (kind === 'arg') return { query: rest };
  return kind === 'cookie' ? { cookie: { name: rest } } : undefined;
}

const fields: Readonly<Record<string, string>> = {
  remote_addr: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
  remote_port: '%DOWNSTREAM_REMOTE_PORT%',
  server_addr: '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%',
  server_port: '%DOWNSTREAM_LOCAL_PORT%',
  host: '%REQ(:authority)%',
  http_host: '%REQ(:authority)%',
  scheme: '%REQ(x-forwarded-proto)%',
  request_id: '%REQ(x-request-id)%',
  request_method: '%REQ(:method)%',
  request_uri: '%REQ(:path)%',
  server_protocol: '%PROTOCOL%',
  upstream_addr: '%UPSTREAM_HOST%',
  hostname: '%HOSTNAME%',
};

/** The value of a header, with Envoy's substitutions for variables; undefined: it has one without a counterpart. */
export function headerValue(text: string): string | undefined {
  let known = true;
  const value = text.replaceAll('%', '%%').replaceAll(/\$\{?(\w+)\}?/g, (_, name: string) => {
    const source = sourceOf(`$${name}`);
    if (source && 'header' in source && name !== 'http_host') return `%REQ(${source.header})%`;
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) known = false;
    return field ?? '';
  });
  return known && !/[\r\n\0]/.test(value) && value.length <= 4096 ? value : undefined;
}

export const hasVariable = (text: string): boolean => /\$\{?\w/.test(text);
