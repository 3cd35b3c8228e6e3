import { isIP } from 'node:net';
import { type Port, port } from './units.ts';

/** One address of a service, as the policy writes it: `10.0.0.1:8080`, `[::1]:80`, `db.internal:5432`, `unix:/run/app.sock`. */
export type Address =
  | { readonly kind: 'ip'; readonly ip: string; readonly port: Port }
  | { readonly kind: 'host'; readonly host: string; readonly port: Port }
  | { readonly kind: 'unix'; readonly path: string };

const hostName = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i;

/** True for what can be looked up in DNS; addresses of digits and dots are such names, too. */
export const isHostName = (text: string): boolean => hostName.test(text);

/** @returns undefined when the text is not an address. */
export function parseAddress(text: string): Address | undefined {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    return path.startsWith('/') && path.length <= 107 && !path.includes('\0') ? { kind: 'unix', path } : undefined;
  }
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<name>[^:[\]]+)):(?<port>\d{1,5})$/.exec(text);
  const number = Number(match?.groups?.['port']);
  if (!match?.groups || !(number >= 1 && number <= 65535)) return undefined;
  const v6 = match.groups['v6'];
  if (v6 !== undefined) return isIP(v6) === 6 ? { kind: 'ip', ip: v6, port: port(number) } : undefined;
  const name = match.groups['name'] ?? '';
  if (isIP(name) === 4) return { kind: 'ip', ip: name, port: port(number) };
  if (/^[\d.]+$/.test(name) || !isHostName(name)) return undefined;
  return { kind: 'host', host: name.toLowerCase(), port: port(number) };
}

/** The inverse of {@link parseAddress}. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  if (address.kind === 'host') return `${address.host}:${address.port}`;
  return address.ip.includes(':') ? `[${address.ip}]:${address.port}` : `${address.ip}:${address.port}`;
}

/** One spelling per IP address: `::1` for `0:0:0:0:0:0:0:1`. */
export function canonicalIp(ip: string): string {
  if (isIP(ip) !== 6 || ip.includes('%')) return ip.toLowerCase();
  return new URL(`http://[${ip}]`).hostname.slice(1, -1);
}

/** True for `localhost`, 127.0.0.0/8 and ::1, which no other machine can reach. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  return host.toLowerCase() === 'localhost' || canonicalIp(host) === '::1';
}

/** True for the text of an {@link Address} that only this machine reaches: a socket, or a loopback address. */
export function isLocal(text: string): boolean {
  const address = parseAddress(text);
  if (address === undefined || address.kind === 'unix') return address !== undefined;
  return isLoopback(address.kind === 'ip' ? address.ip : address.host);
}

/** One spelling per address, to compare and to sort by. */
export function addressKey(address: Address): string {
  return formatAddress(address.kind === 'ip' ? { ...address, ip: canonicalIp(address.ip) } : address);
}
