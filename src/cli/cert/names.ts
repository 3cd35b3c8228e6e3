import { isIP } from 'node:net';
import { canonicalIp, isHostName } from '../../base/address.ts';
import { parseDuration } from '../../base/units.ts';
import { CliFailure } from '../output.ts';

const day = 86_400_000;
/** Milliseconds of the longest that anything is made for. */
const longest = 36_500 * day;
const shortest = 60_000;

/** @returns milliseconds. @throws CliFailure when it is no duration, or one that makes no sense. */
export function lifetimeOf(flag: string, text: string): number {
  const life = parseDuration(text, longest);
  if (life !== undefined && life >= shortest) return life;
  throw new CliFailure(`${flag} ${JSON.stringify(text)} is no time from 1m to ${longest / day}d, such as 90d or 12h`);
}

/** A common name. The signs are those that X.509 has in names without escapes. */
export function checkedCommonName(text: string): string {
  if (/^[\p{L}\p{N}](?:[\p{L}\p{N} .()@_-]{0,62}[\p{L}\p{N}.)])?$/u.test(text)) return text;
  throw new CliFailure(
    `--name ${JSON.stringify(text)} must be 1 to 64 letters, digits, blanks and . _ - @ ( ), and begin with a letter or digit`,
  );
}

/** What a certificate and its files are called. */
export function checkedName(text: string): string {
  if (/^\w[\w.-]{0,63}$/.test(text)) return text;
  throw new CliFailure(
    `${JSON.stringify(text)} must be 1 to 64 letters, digits, dots, dashes and underscores, since files are named by it`,
  );
}

export interface AlternativeNames {
  readonly hosts: readonly string[];
  readonly ips: readonly string[];
  readonly uris: readonly string[];
}

/** Under which a server is called: host names, `*.shop.internal` among them, and IP addresses. */
export function serverNames(texts: readonly string[]): AlternativeNames {
  const names = texts.map(text => {
    const ip = text.replace(/^\[(.*)\]$/, '$1');
    if (isIP(ip) !== 0 && !ip.includes('%')) return { kind: 'ips', name: canonicalIp(ip) } as const;
    return { kind: 'hosts', name: hostOf('--server', text, true) } as const;
  });
  return byKind(names);
}

/**
 * Who a client is: URIs, or host names; `{id}` stands for the name of its certificate, as it stands for the node id in a
 * fleet's `identity`.
 */
export function clientNames(texts: readonly string[], id: string): AlternativeNames {
  const names = texts.map(text => {
    const named = text.replaceAll('{id}', id);
    if (!named.includes(':')) return { kind: 'hosts', name: hostOf('--client', named, false) } as const;
    if (/^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i.test(named) && !/[*{}"<>\\^`|]/.test(named) && named.length <= 2048) {
      return { kind: 'uris', name: named } as const;
    }
    throw new CliFailure(
      `--client ${JSON.stringify(text)} is no URI such as spiffe://shop/edge/{id}: no blanks, quotes or wildcards, since it says who one client is`,
    );
  });
  return byKind(names);
}

function hostOf(flag: string, text: string, wildcards: boolean): string {
  const plain = wildcards && /^\*\.[^.]+\.[^.]/.test(text) ? text.slice(2) : text;
  // Digits and dots alone would be a mistyped address.
  if (isHostName(plain) && !/^[\d.]+$/.test(plain) && !plain.endsWith('.')) return text.toLowerCase();
  const port = /^(.+):\d+$/.exec(text)?.[1];
  const hint = port === undefined ? '' : `; without its port: ${port}`;
  const forms = wildcards ? 'a host name, *.DOMAIN.TLD or an IP address' : 'a URI or a host name';
  throw new CliFailure(`${flag} ${JSON.stringify(text)} is not ${forms}${hint}`);
}

function byKind(names: readonly { readonly kind: keyof AlternativeNames; readonly name: string }[]): AlternativeNames {
  const of = (kind: keyof AlternativeNames) => [
    ...new Set(names.filter(each => each.kind === kind).map(each => each.name)),
  ];
  return { hosts: of('hosts'), ips: of('ips'), uris: of('uris') };
}
