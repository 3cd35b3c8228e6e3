import { Buffer } from 'node:buffer';
import { type Culprit, type ListForm, listed, numbered } from './rejection-list.ts';
import {
  clusterUrl,
  endpointUrl,
  extensionConfigUrl,
  listenerUrl,
  routeUrl,
  runtimeUrl,
  scopedRouteUrl,
  secretUrl,
} from './resource-type.ts';

export type { Culprit } from './rejection-list.ts';

/**
 * Whom a rejection names: those of `names` that the client certainly means, each with its reason (R9, R42). `names` are
 * those of the rejected response, in its order. Who is named is guilty; there may be others that are not named.
 *
 * Empty when the text names nobody, when it fits two of the names, or when it is not of a known form: no name is better
 * than a wrong one. The text may be anything of any length; the work is in proportion to it and to the names. What is
 * known of clients is in `docs/reference/rejections.md`.
 */
export function culprits(typeUrl: string, message: string, names: readonly string[]): readonly Culprit[] {
  const wording = wordings.get(typeUrl) ?? {};
  for (const read of readers) {
    const found = read(message, names, wording);
    if (found.length > 0) return found;
  }
  return [];
}

/** How clients speak of a type's resources. Each form begins with words of the client's own. */
interface Wording {
  /** Envoy goes on after a failure and lists them all: `OPENA: reason, B: reason`. */
  readonly list?: Pick<ListForm, 'open' | 'separator'>;
  /** Envoy shows the resource as text when a field breaks a rule. */
  readonly dump?: Dump;
  /** `BEFORENAMEAFTER…` */
  readonly first?: { readonly before: string; readonly after: string };
  /** `OPEN…BEFORENAME` */
  readonly last?: readonly { readonly open: string; readonly before: string }[];
  /** How gRPC for Java calls the type. */
  readonly java?: string;
}

interface Dump {
  readonly message: string;
  readonly field: string;
  /**
   * Envoy cuts long texts, and with them what says whose rule was broken. It is the resource's all the same if this comes
   * after the name: only then can it be no message inside the resource.
   */
  readonly next?: string;
}

const wordings: ReadonlyMap<string, Wording> = new Map<string, Wording>([
  [
    clusterUrl,
    {
      list: { open: 'Error adding/updating cluster(s) ', separator: ', ' },
      // Whatever breaks a rule inside a cluster or a listener is in the list, so no next line has to be seen.
      dump: { message: 'Cluster', field: 'name', next: '' },
      java: 'CDS response Cluster',
    },
  ],
  [
    listenerUrl,
    {
      list: { open: 'Error adding/updating listener(s) ', separator: '\n' },
      dump: { message: 'Listener', field: 'name', next: '' },
      java: 'LDS response Listener',
    },
  ],
  [
    endpointUrl,
    {
      dump: { message: 'ClusterLoadAssignment', field: 'cluster_name', next: 'endpoints {' },
      first: { before: 'Unexpected EDS cluster (expecting ', after: '): ' },
      java: 'EDS response ClusterLoadAssignment',
    },
  ],
  [
    routeUrl,
    {
      dump: { message: 'RouteConfiguration', field: 'name', next: 'virtual_hosts {' },
      first: { before: 'Unexpected RDS configuration (expecting ', after: '): ' },
      last: [
        { open: 'Only unique values for domains are permitted. Duplicate entry of domain ', before: ' in route ' },
        { open: 'Only a single wildcard domain is permitted', before: ' in route ' },
      ],
      java: 'RDS response RouteConfiguration',
    },
  ],
  [scopedRouteUrl, { dump: { message: 'ScopedRouteConfiguration', field: 'name' } }],
  [
    secretUrl,
    {
      dump: { message: 'Secret', field: 'name' },
      first: { before: 'Unexpected SDS secret (expecting ', after: '): ' },
    },
  ],
  [extensionConfigUrl, { dump: { message: 'TypedExtensionConfig', field: 'name' } }],
  [runtimeUrl, { first: { before: 'Unexpected RTDS runtime (expecting ', after: '): ' } }],
]);

type Reader = (message: string, names: readonly string[], wording: Wording) => readonly Culprit[];

const readers: readonly Reader[] = [envoyList, dumped, nameFirst, nameLast, conflicting, grpcList, goList, javaList];

function envoyList(message: string, names: readonly string[], { list }: Wording): readonly Culprit[] {
  return list ? listed(message, names, { ...list, head: '', tail: ': ', reasons }) : [];
}

/** Not all, but what tells a further name from words of a reason such as `…from <inline>, Cause: error…`. */
const reasons: readonly string[] = [
  'Address must be set',
  "Didn't find a registered implementation",
  'Failed to load ',
  'Invalid duration: ',
  'Invalid path: ',
  'Not supported field in ',
  'Only a single wildcard domain ',
  'Only unique values for domains ',
  'Unable to unpack as ',
  'Unknown cluster specifier plugin name: ',
  'cannot bind ',
  'cluster manager: ',
  'duplicate cluster ',
  'duplicate listener ',
  'envoy.config.core.v3.ApiConfigSource must have ',
  'error adding listener',
  'goo.gle/debug',
  'malformed IP address: ',
  'missing ): ',
  'missing ]: ',
  'no argument for repetition operator: ',
  'route: unknown cluster ',
];

const dumpStart = /goo\.gle\/debug[a-z]* *\n(\w+): "((?:[^"\\\n]|\\.)*)"\n/y;
const ruleBroken = '\n: Proto constraint validation failed (';

/** A message as text whose first field is its name, and then the rule that it breaks. */
function dumped(message: string, names: readonly string[], { dump }: Wording): readonly Culprit[] {
  if (!dump) return [];
  dumpStart.lastIndex = 0;
  const [start = '', field, quoted = ''] = dumpStart.exec(message) ?? [];
  const name = unquoted(quoted);
  if (field !== dump.field || !names.includes(name)) return [];
  const at = message.indexOf(ruleBroken, start.length - 1);
  if (at >= 0) {
    const own = message.startsWith(`${dump.message}ValidationError.`, at + ruleBroken.length);
    return own ? [{ name, reason: message.slice(at + 3) }] : [];
  }
  return dump.next !== undefined && message.startsWith(dump.next, start.length) ? [{ name, reason: message }] : [];
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** What stands between quotes in the text form of protobuf: bytes of UTF-8, those that are not printable in octal. */
function unquoted(quoted: string): string {
  const bytes = quoted.replace(/\\(?:([0-7]{3})|(.))/g, (_, octal: string | undefined, sign: string) =>
    octal === undefined ? (escapes[sign] ?? sign) : String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(bytes, 'latin1').toString();
}

function nameFirst(message: string, names: readonly string[], { first }: Wording): readonly Culprit[] {
  if (!first || !message.startsWith(first.before)) return [];
  return only(
    names.filter(name => message.startsWith(name + first.after, first.before.length)),
    message,
  );
}

function nameLast(message: string, names: readonly string[], { last = [] }: Wording): readonly Culprit[] {
  const form = last.find(({ open }) => message.startsWith(open));
  if (!form) return [];
  const rest = message.slice(form.open.length);
  return only(
    names.filter(name => rest.endsWith(form.before + name)),
    message,
  );
}

/** One name, or nobody: where two fit, nobody can tell which is meant. */
function only(fitting: readonly string[], reason: string): readonly Culprit[] {
  const [name] = fitting;
  return name === undefined || fitting.length > 1 ? [] : [{ name, reason }];
}

const conflict = "Error adding/updating scoped route(s): scope key conflict found, first scope is '";
const second = "', second scope is '";

/** Two scopes with one key. Envoy means both. */
function conflicting(message: string, names: readonly string[]): readonly Culprit[] {
  if (!message.startsWith(conflict) || !message.endsWith("'")) return [];
  const both = message.slice(conflict.length, -1);
  const known = new Set(names);
  const pairs = names
    .filter(name => both.startsWith(name + second))
    .map(name => [name, both.slice(name.length + second.length)] as const)
    .filter(([, other]) => known.has(other));
  const [pair = []] = pairs;
  return pairs.length === 1 ? pair.map(name => ({ name, reason: message })) : [];
}

const grpcOpen = 'xDS response validation errors: [';

/** gRPC in C++ and Node. */
function grpcList(message: string, names: readonly string[]): readonly Culprit[] {
  return message.startsWith(grpcOpen) ? numbered(message, names, grpcOpen.length) : [];
}

const goOpen = /^error parsing "\w{1,64}" response: /;

/** gRPC in Go. Names that it writes otherwise than they are, with escapes, are not looked for. */
function goList(message: string, names: readonly string[]): readonly Culprit[] {
  const open = goOpen.exec(message)?.[0];
  if (open === undefined) return [];
  const form: ListForm = { open, separator: ';\n', head: 'resource "', tail: '": ', unordered: true };
  return listed(
    message,
    names.filter(name => !/["\\\p{C}]/u.test(name)),
    form,
  );
}

/** gRPC in Java. */
function javaList(message: string, names: readonly string[], { java }: Wording): readonly Culprit[] {
  if (java === undefined) return [];
  return listed(message, names, { open: '', separator: '\n', head: `${java} '`, tail: "' validation error: " });
}
