import { z } from 'zod';
import type { TlsMaterial } from './base/server-tls.ts';
import { didYouMean } from './base/suggest.ts';
import { type Millis, parseDuration } from './base/units.ts';
import { limitMistakes, type XdsLimits } from './xds/limits.ts';

/** Where something listens. Port 0: any free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** TLS of both xDS listeners: files of PEM. */
export interface XdsTlsSettings {
  readonly paths: { readonly [Name in keyof TlsMaterial]: string };
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** What the server is started with. */
export interface Settings {
  /** File or folder. */
  readonly policy: string;
  /** Data directory. */
  readonly data: string;
  readonly xds: ListenAddress;
  /** For Envoys that poll by REST; absent: nobody may. */
  readonly xdsRest?: ListenAddress;
  /** Absent: xDS is served in plain text. */
  readonly xdsTls?: XdsTlsSettings;
  readonly admin: ListenAddress;
  /** How long clusters that are no longer routed to stay with proxies at most, for requests that are under way. */
  readonly lingerLimit: Millis;
  /** Names, beside IP addresses and localhost, under which the admin API may be called. */
  readonly adminHosts: ReadonlySet<string>;
  readonly logLevel: string;
  /** What xDS clients may ask of the server, where that is not the usual. */
  readonly xdsLimits?: Partial<XdsLimits>;
}

/** What a command that talks to a running server is given. */
export interface ClientSettings {
  /** `http://127.0.0.1:18080`. */
  readonly adminUrl: string;
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
const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const shape = {
  policy: path.default('./switchyard.yaml'),
  data: path.default('./.switchyard'),
  xds: address.prefault('127.0.0.1:18000'),
  xdsRest: address.optional(),
  xdsCert: path.optional(),
  xdsKey: path.optional(),
  xdsClientCa: path.optional(),
  xdsClientCrl: path.optional(),
  xdsTlsMin: z.enum(['1.2', '1.3'], 'is neither 1.2 nor 1.3').default('1.3'),
  xdsLimit: limits.optional(),
  admin: address.prefault('127.0.0.1:18080'),
  adminHost: hostNames.prefault([]),
  lingerLimit: linger.prefault('60s'),
  insecureXds: yesOrNo.default(false),
  insecureAdmin: yesOrNo.default(false),
  logLevel: z.enum(levels, `is none of ${levels.join(', ')}`).default('info'),
};
const ServerSettings = z.object(shape);
const CommandSettings = z.object({ admin: shape.admin, data: shape.data, token: z.string().min(1).optional() });

/** The environment of this process; nothing else reads it. */
const processEnvironment: Environment = process.env;

/** True unless the terminal cannot move its cursor. */
export const movesCursor = (environment: Environment = processEnvironment) => environment['TERM'] !== 'dumb';

/** Settings of `serve`: flags win over `SWITCHYARD_…` variables, these over defaults. */
export function readSettings(flags: Flags, environment: Environment = processEnvironment): SettingsOutcome<Settings> {
  const result = ServerSettings.safeParse(merged(ServerSettings, flags, environment));
  if (!result.success) return { kind: 'bad', mistakes: mistakesOf(result.error, flags) };
  const { policy, data, xds, xdsRest, xdsLimit, admin, adminHost, lingerLimit, insecureAdmin, logLevel } = result.data;
  const xdsTls = tlsOf(result.data);
  const insecureXds = result.data.insecureXds || xdsTls !== undefined;
  const readable = 'whoever reaches it can read the whole configuration';
  const mistakes = [
    ...missingTls(result.data),
    ...(insecureXds ? [] : openToOthers('xds', xds, 'insecureXds', readable)),
    ...(insecureXds || !xdsRest ? [] : openToOthers('xdsRest', xdsRest, 'insecureXds', readable)),
    ...(insecureAdmin
      ? []
      : openToOthers('admin', admin, 'insecureAdmin', 'the admin token would cross the network in the clear')),
  ];
  if (mistakes.length > 0) return { kind: 'bad', mistakes };
  return {
    kind: 'good',
    settings: {
      policy,
      data,
      xds,
      ...(xdsRest && { xdsRest }),
      ...(xdsTls && { xdsTls }),
      ...(xdsLimit && { xdsLimits: xdsLimit }),
      admin,
      adminHosts: adminHost,
      lingerLimit,
      logLevel,
    },
    warnings: unknownVariables(environment),
  };
}

type Tls = Pick<z.output<typeof ServerSettings>, 'xdsCert' | 'xdsKey' | 'xdsClientCa' | 'xdsClientCrl' | 'xdsTlsMin'>;

function tlsOf(settings: Tls): Settings['xdsTls'] {
  const { xdsCert: certificate, xdsKey: key, xdsClientCa: clientCa, xdsClientCrl: clientCrl, xdsTlsMin } = settings;
  if (certificate === undefined || key === undefined || clientCa === undefined) return undefined;
  const paths = { certificate, key, clientCa, ...(clientCrl !== undefined && { clientCrl }) };
  return { paths, minVersion: `TLSv${xdsTlsMin}` };
}

/** Half of it is never taken for none. */
function missingTls(settings: Tls): readonly string[] {
  const names = ['xdsCert', 'xdsKey', 'xdsClientCa'] as const;
  const missing = names.filter(each => settings[each] === undefined);
  const given = [...names, 'xdsClientCrl' as const].filter(each => settings[each] !== undefined).map(flagOf);
  if (missing.length === 0 || given.length === 0) return [];
  return [
    `${given.join(' and ')} ${given.length === 1 ? 'needs' : 'need'} ${missing.map(flagOf).join(' and ')} too: xDS over ` +
      'TLS takes a certificate, its key, and the authority of the client certificates',
  ];
}

/** Settings of commands that call the admin API. */
export function readClientSettings(
  flags: Flags,
  environment: Environment = processEnvironment,
): SettingsOutcome<ClientSettings> {
  const result = CommandSettings.safeParse(merged(CommandSettings, flags, environment));
  if (!result.success) return { kind: 'bad', mistakes: mistakesOf(result.error, flags) };
  const { admin, data, token } = result.data;
  // A server that listens everywhere is called on loopback.
  const host = admin.host === '0.0.0.0' ? '127.0.0.1' : admin.host === '::' ? '::1' : admin.host;
  const adminUrl = `http://${host.includes(':') ? `[${host}]` : host}:${admin.port}`;
  return { kind: 'good', settings: { adminUrl, data, token }, warnings: [] };
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

function openToOthers(key: string, { host, port }: ListenAddress, insecure: string, why: string): readonly string[] {
  if (host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)) return [];
  return [
    `${flagOf(key)}: ${host}:${port} can be reached from other machines, without TLS: ${why}. ` +
      `Listen on 127.0.0.1${key === 'admin' ? '' : ', serve TLS with --xds-cert, --xds-key and --xds-client-ca'}, ` +
      `or, in a network that you trust, add ${flagOf(insecure)}`,
  ];
}

function unknownVariables(environment: Environment): readonly string[] {
  const known = [...Object.keys(shape), 'token'].map(variableOf);
  return Object.keys(environment).flatMap(name => {
    const hint = name.startsWith('SWITCHYARD_') && !known.includes(name) ? didYouMean(name, known) : undefined;
    return hint === undefined ? [] : [`${name} is no setting; ${hint}`];
  });
}
