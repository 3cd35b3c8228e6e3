import { z } from 'zod';
import { logLevels } from './admin/api/log-level.ts';
import type { AdminAddress } from './admin/listen.ts';
import { isLoopback } from './base/address.ts';
import type { TlsMaterial } from './base/server-tls.ts';
import { didYouMean } from './base/suggest.ts';
import { type Millis, parseDuration } from './base/units.ts';
import { type PastSettings, pastOf, pastShape } from './past-settings.ts';
import { collector, type TraceSettings, tracesOf } from './trace-settings.ts';
import { limitMistakes, type XdsLimits } from './xds/limits.ts';
import { type TransportName, transportNames } from './xds/rpc.ts';

/** Where something listens. Port 0: any free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** TLS of a listener: files of PEM. */
export interface TlsSettings {
  readonly paths: { readonly [Name in keyof TlsMaterial]: string };
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** What the server is started with. */
export interface Settings extends PastSettings {
  /** File or folder. */
  readonly policy: string;
  /** Data directory. */
  readonly data: string;
  readonly xds: ListenAddress;
  /** For Envoys that poll by REST; absent: nobody may. */
  readonly xdsRest?: ListenAddress;
  /** Absent: xDS is served in plain text. */
  readonly xdsTls?: TlsSettings;
  readonly admin: AdminAddress;
  /** Absent: the admin API is served in plain text. */
  readonly adminTls?: TlsSettings;
  /** How long clusters that are no longer routed to stay with proxies at most, for requests that are under way. */
  readonly lingerLimit: Millis;
  /** Names, beside IP addresses and localhost, under which the admin API may be called. */
  readonly adminHosts: ReadonlySet<string>;
  readonly logLevel: string;
  /** Absent: for a person on a terminal, else for programs. */
  readonly logFormat?: 'pretty' | 'json';
  /** Where traces are sent. Absent: there are none. */
  readonly traces?: TraceSettings;
  /** What speaks HTTP/2 and gRPC with xDS clients, where that is not the usual. */
  readonly xdsTransport?: TransportName;
  /** What xDS clients may ask of the server, where that is not the usual. */
  readonly xdsLimits?: Partial<XdsLimits>;
}

/** What a command that talks to a running server is given. */
export interface ClientSettings {
  /** `http://127.0.0.1:18080`, `https://cp.internal:18080` or `unix:/run/switchyard.sock`. */
  readonly adminUrl: string;
  /** Files of PEM: authorities of the server's certificate, and the caller's own certificate and key. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly data: string;
  readonly token: string | undefined;
}

export type SettingsOutcome<S> =
  | { readonly kind: 'good'; readonly settings: S; readonly warnings: readonly string[] }
  | { readonly kind: 'bad'; readonly mistakes: readonly string[] };

type Flags = Readonly<Record<string, unknown>>;
type Environment = Readonly<Record<string, string | undefined>>;

const address = z.string().transform((text, context): ListenAddress => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match && port <= 65_535) return { host: match[1] ?? match[2] ?? '', port };
  context.addIssue({ code: 'custom', message: `"${text}" is not HOST:PORT, such as 127.0.0.1:18000 or [::1]:18000` });
  return z.NEVER;
});

const socketPrefix = 'unix:';
/** What the kernel takes for the path of a socket, in bytes. */
const longestSocketPath = 107;

type Place = ListenAddress | { readonly path: string };

/** HOST:PORT, or unix:PATH. */
const place = z.string().transform((text, context): Place => {
  if (!text.startsWith(socketPrefix)) {
    const result = address.safeParse(text);
    if (result.success) return result.data;
    const message = `"${text}" is neither HOST:PORT, such as 127.0.0.1:18080, nor unix:PATH`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }
  const path = text.slice(socketPrefix.length);
  const length = Buffer.byteLength(path);
  if (length > 0 && length <= longestSocketPath) return { path };
  const what = length === 0 ? 'names no path' : `is too long for a socket: ${longestSocketPath} bytes are the most`;
  context.addIssue({ code: 'custom', message: `"${text}" ${what}` });
  return z.NEVER;
});

/** What a client may be told: as for a server, or the URL of one. */
const called = z.string().transform((text, context): Place | { readonly url: string } => {
  if (!/^https?:/i.test(text)) {
    const result = place.safeParse(text);
    if (result.success) return result.data;
    const message = `"${text}" is neither HOST:PORT, such as 127.0.0.1:18080, nor https://HOST:PORT, nor unix:PATH`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }
  const url = URL.parse(text);
  if (url && url.username === '' && url.pathname === '/' && url.search === '' && url.hash === '') {
    return { url: url.origin };
  }
  context.addIssue({ code: 'custom', message: `"${text}" is not https://HOST:PORT alone` });
  return z.NEVER;
});

const fileMode = z
  .string()
  .regex(/^0?[0-7]{3}$/, 'is no mode of a file, such as 660')
  .transform(text => Number.parseInt(text, 8));

const yesOrNo = z
  .union([z.boolean(), z.enum(['true', '1', 'yes', 'false', '0', 'no'])], 'is neither true nor false')
  .transform(value => value === true || value === 'true' || value === '1' || value === 'yes');

const hostNames = z
  .union([z.array(z.string()), z.string().transform(text => text.split(/[\s,]+/))])
  .transform(names => new Set(names.filter(name => name !== '').map(name => name.toLowerCase())));

/** A timer that Node runs ends it, so that it cannot be much longer. */
const longestLinger = 24 * 86_400_000;

const linger = z.string().transform((text, context): Millis => {
  const value = parseDuration(text);
  if (value !== undefined && value <= longestLinger) return value;
  const what = value === undefined ? 'is not a duration, such as 90s or 5m' : 'is too long: 24d is the most';
  context.addIssue({ code: 'custom', message: `"${text}" ${what}` });
  return z.NEVER;
});

/** `names=200000`, one or several. */
const limits = z
  .union([z.array(z.string()), z.string().transform(text => text.split(/[\s,]+/).filter(each => each !== ''))])
  .transform((list, context): Partial<XdsLimits> => {
    const found = list.map(each => [each.replace(/=.*/s, ''), each.replace(/^[^=]*=?/, '')] as const);
    const values = Object.fromEntries(found.map(([name, text]) => [name, /^\d+$/.test(text) ? Number(text) : text]));
    for (const message of limitMistakes(values)) context.addIssue({ code: 'custom', message });
    return values;
  });

const path = z.string().min(1, 'must name a path');

const tlsVersion = z.enum(['1.2', '1.3'], 'is neither 1.2 nor 1.3').default('1.3');

/** Where the policy is unless somebody says otherwise. */
export const usualPolicyPath = './switchyard.yaml';

const shape = {
  policy: path.default(usualPolicyPath),
  data: path.default('./.switchyard'),
  xds: address.prefault('127.0.0.1:18000'),
  xdsRest: address.optional(),
  xdsCert: path.optional(),
  xdsKey: path.optional(),
  xdsClientCa: path.optional(),
  xdsClientCrl: path.optional(),
  xdsTlsMin: tlsVersion,
  xdsLimit: limits.optional(),
  xdsTransport: z.enum(transportNames, `is none of ${transportNames.join(', ')}`).optional(),
  admin: place.prefault('127.0.0.1:18080'),
  adminCert: path.optional(),
  adminKey: path.optional(),
  adminClientCa: path.optional(),
  adminTlsMin: tlsVersion,
  adminSocketMode: fileMode.prefault('600'),
  adminHost: hostNames.prefault([]),
  lingerLimit: linger.prefault('60s'),
  ...pastShape,
  goodAfter: linger.optional(),
  insecureXds: yesOrNo.default(false),
  insecureAdmin: yesOrNo.default(false),
  logLevel: z.enum(logLevels, `is none of ${logLevels.join(', ')}`).default('info'),
  logFormat: z.enum(['pretty', 'json'], 'is neither pretty nor json').optional(),
  otel: collector.optional(),
};
const ServerSettings = z.object(shape);
const CommandSettings = z.object({
  admin: called.prefault('127.0.0.1:18080'),
  ca: path.optional(),
  cert: path.optional(),
  key: path.optional(),
  data: shape.data,
  token: z.string().min(1).optional(),
});

/** The environment of this process; nothing else reads it. */
const processEnvironment: Environment = process.env;

/** A variable that a policy file names; those of Switchyard itself are its own. */
export const policyVariable = (name: string): string | undefined =>
  name.startsWith('SWITCHYARD_') || !Object.hasOwn(processEnvironment, name) ? undefined : processEnvironment[name];

/** True unless the terminal cannot move its cursor. */
export const movesCursor = (environment: Environment = processEnvironment) => environment['TERM'] !== 'dumb';

/** Settings of `serve`: flags win over `SWITCHYARD_…` variables, these over defaults. */
export function readSettings(flags: Flags, environment: Environment = processEnvironment): SettingsOutcome<Settings> {
  const result = ServerSettings.safeParse(merged(ServerSettings, flags, environment));
  if (!result.success) return { kind: 'bad', mistakes: mistakesOf(result.error, flags) };
  const mistakes = [...missingTls(result.data), ...openAddresses(result.data)];
  if (mistakes.length > 0) return { kind: 'bad', mistakes };
  const { policy, data, xds, xdsRest, xdsLimit, admin, adminHost, lingerLimit, logLevel, logFormat } = result.data;
  const { xdsTls, adminTls } = tlsOf(result.data);
  const traces = tracesOf(result.data.otel, environment);
  return {
    kind: 'good',
    settings: {
      policy,
      data,
      xds,
      ...(xdsRest && { xdsRest }),
      ...(xdsTls && { xdsTls }),
      ...(xdsLimit && { xdsLimits: xdsLimit }),
      ...(result.data.xdsTransport && { xdsTransport: result.data.xdsTransport }),
      admin: 'path' in admin ? { ...admin, mode: result.data.adminSocketMode } : admin,
      ...(adminTls && { adminTls }),
      adminHosts: adminHost,
      lingerLimit,
      logLevel,
      ...pastOf(result.data),
      ...(logFormat && { logFormat }),
      ...(traces.settings && { traces: traces.settings }),
    },
    warnings: [...unknownVariables(environment), ...traces.warnings],
  };
}

type Given = z.output<typeof ServerSettings>;

function tlsOf(given: Given): Pick<Settings, 'xdsTls' | 'adminTls'> {
  const { xdsCert, xdsKey, xdsClientCa, xdsClientCrl, adminCert, adminKey, adminClientCa } = given;
  const xds =
    xdsClientCa !== undefined &&
    tlsSettings(given.xdsTlsMin, xdsCert, xdsKey, { clientCa: xdsClientCa, clientCrl: xdsClientCrl });
  const admin = tlsSettings(given.adminTlsMin, adminCert, adminKey, { clientCa: adminClientCa });
  return { ...(xds && { xdsTls: xds }), ...(admin && { adminTls: admin }) };
}

/** Undefined without a certificate and its key. */
function tlsSettings(
  min: '1.2' | '1.3',
  certificate: string | undefined,
  key: string | undefined,
  { clientCa, clientCrl }: { readonly clientCa?: string | undefined; readonly clientCrl?: string | undefined },
): TlsSettings | undefined {
  if (certificate === undefined || key === undefined) return undefined;
  const clients = { ...(clientCa !== undefined && { clientCa }), ...(clientCrl !== undefined && { clientCrl }) };
  return { paths: { certificate, key, ...clients }, minVersion: `TLSv${min}` };
}

/** Half of it is never taken for none. */
function missingTls(given: Given): readonly string[] {
  const { admin } = given;
  const forXds = missing(given, ['xdsCert', 'xdsKey', 'xdsClientCa'], ['xdsClientCrl']);
  const forAdmin = missing(given, ['adminCert', 'adminKey'], ['adminClientCa']);
  const needless = 'path' in admin && given.adminCert !== undefined;
  return [
    ...forXds.map(
      text => `${text}: xDS over TLS takes a certificate, its key, and the authority of the client certificates`,
    ),
    ...forAdmin.map(text => `${text}: the admin API over TLS takes a certificate and its key`),
    ...(needless ? ['--admin-cert is for addresses with a port: leave it away, or --admin unix:'] : []),
  ];
}

type FileFlag = 'xdsCert' | 'xdsKey' | 'xdsClientCa' | 'xdsClientCrl' | 'adminCert' | 'adminKey' | 'adminClientCa';

function missing(given: Given, needed: readonly FileFlag[], more: readonly FileFlag[]): readonly string[] {
  const absent = needed.filter(each => given[each] === undefined);
  const present = [...needed, ...more].filter(each => given[each] !== undefined).map(flagOf);
  if (absent.length === 0 || present.length === 0) return [];
  return [
    `${present.join(' and ')} ${present.length === 1 ? 'needs' : 'need'} ${absent.map(flagOf).join(' and ')} too`,
  ];
}

/** Settings of commands that call the admin API. */
export function readClientSettings(
  flags: Flags,
  environment: Environment = processEnvironment,
): SettingsOutcome<ClientSettings> {
  const result = CommandSettings.safeParse(merged(CommandSettings, flags, environment));
  if (!result.success) return { kind: 'bad', mistakes: mistakesOf(result.error, flags) };
  const { admin, data, token, ca, cert, key } = result.data;
  const adminUrl = urlOf(admin, ca !== undefined);
  const files = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
  if ((cert === undefined) !== (key === undefined)) {
    return { kind: 'bad', mistakes: ['--cert and --key go together: the certificate of the caller and its key'] };
  }
  return { kind: 'good', settings: { adminUrl, ...files, data, token }, warnings: [] };
}

/** Whoever names an authority means TLS. */
function urlOf(admin: Place | { readonly url: string }, secure: boolean): string {
  if ('url' in admin) return admin.url;
  if ('path' in admin) return `${socketPrefix}${admin.path}`;
  // A server that listens everywhere is called on loopback.
  const host = admin.host === '0.0.0.0' ? '127.0.0.1' : admin.host === '::' ? '::1' : admin.host;
  return `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${admin.port}`;
}

function merged(schema: z.ZodObject, flags: Flags, environment: Environment): Flags {
  return Object.fromEntries(
    Object.keys(schema.shape).flatMap(key => {
      const value = flags[key] ?? (environment[variableOf(key)] || undefined);
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

/** `adminHost` → `SWITCHYARD_ADMIN_HOST`. */
function variableOf(key: string): string {
  return `SWITCHYARD_${key.replaceAll(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`;
}

/** `adminHost` → `--admin-host`. */
function flagOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
}

function mistakesOf(error: z.ZodError, flags: Flags): readonly string[] {
  return error.issues.map(issue => {
    const key = String(issue.path[0]);
    return `${flags[key] === undefined ? variableOf(key) : flagOf(key)}: ${issue.message}`;
  });
}

/** Addresses that other machines reach in plain text, without anybody having said that this is meant. */
function openAddresses(given: Given): readonly string[] {
  const { xds, xdsRest, admin } = given;
  const { xdsTls, adminTls } = tlsOf(given);
  const readable = 'whoever reaches it can read the whole configuration';
  const xdsFlags = '--xds-cert, --xds-key and --xds-client-ca';
  const forXds =
    given.insecureXds || xdsTls
      ? []
      : [
          ...openToOthers('xds', xds, xdsFlags, 'insecureXds', readable),
          ...(xdsRest ? openToOthers('xdsRest', xdsRest, xdsFlags, 'insecureXds', readable) : []),
        ];
  if (given.insecureAdmin || adminTls || 'path' in admin) return forXds;
  const clear = 'the admin token would cross the network in the clear';
  return [...forXds, ...openToOthers('admin', admin, '--admin-cert and --admin-key', 'insecureAdmin', clear)];
}

function openToOthers(
  key: string,
  { host, port }: ListenAddress,
  tlsFlags: string,
  insecure: string,
  why: string,
): readonly string[] {
  if (isLoopback(host)) return [];
  return [
    `${flagOf(key)}: ${host}:${port} can be reached from other machines, without TLS: ${why}. ` +
      `Listen on 127.0.0.1, serve TLS with ${tlsFlags}, or, in a network that you trust, add ${flagOf(insecure)}`,
  ];
}

function unknownVariables(environment: Environment): readonly string[] {
  const known = [...Object.keys(shape), ...Object.keys(CommandSettings.shape)].map(variableOf);
  return Object.keys(environment).flatMap(name => {
    const hint = name.startsWith('SWITCHYARD_') && !known.includes(name) ? didYouMean(name, known) : undefined;
    return hint === undefined ? [] : [`${name} is no setting; ${hint}`];
  });
}
