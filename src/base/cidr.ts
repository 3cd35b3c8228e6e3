import { isIP } from 'node:net';

/** A range of IP addresses, such as `10.0.0.0/8`. A single address is a range of one. */
export interface Cidr {
  readonly family: 4 | 6;
  readonly first: bigint;
  /** Leading bits that all of the range have. */
  readonly bits: number;
}

/** @returns undefined for text that is no range, or that names bits behind its prefix. */
export function parseCidr(text: string): Cidr | undefined {
  const [ip = '', prefix, more] = text.split('/');
  const value = readIp(ip);
  if (!value || more !== undefined || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) return undefined;
  const width = widthOf(value.family);
  const bits = prefix === undefined ? width : Number(prefix);
  if (bits > width) return undefined;
  const range: Cidr = { family: value.family, first: value.number, bits };
  return startOf(range) === value.number ? range : undefined;
}

/**
 * True if the address may be connected to: it lies in one of `ranges`, and addresses that no network shares (loopback,
 * link-local with the metadata services of clouds, and forms in which IPv6 hides IPv4) in one that holds nothing else.
 */
export function isAllowed(ip: string, ranges: readonly Cidr[]): boolean {
  const value = readIp(ip);
  if (!value) return false;
  const own = ranges.filter(range => holds(range, value));
  const special = specialRanges.filter(range => holds(range, value));
  return own.some(range => special.every(each => isInside(range, each)));
}

interface Value {
  readonly family: 4 | 6;
  readonly number: bigint;
}

const widthOf = (family: 4 | 6) => (family === 4 ? 32 : 128);

function holds(range: Cidr, { family, number }: Value): boolean {
  return range.family === family && startOf({ ...range, first: number }) === range.first;
}

function isInside(inner: Cidr, outer: Cidr): boolean {
  return inner.bits >= outer.bits && holds(outer, { family: inner.family, number: inner.first });
}

/** The first address of the range that `first` lies in. */
function startOf({ family, first, bits }: Cidr): bigint {
  const free = BigInt(widthOf(family) - bits);
  return (first >> free) << free;
}

function readIp(ip: string): Value | undefined {
  const family = isIP(ip);
  if (family === 4) return { family, number: numberOf(ip.split('.'), 10, 8n) };
  if (family !== 6 || ip.includes('%')) return undefined;
  const [head = '', tail] = new URL(`http://[${ip}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return { family, number: numberOf([...before, ...zeros, ...after], 16, 16n) };
}

function numberOf(parts: readonly string[], radix: number, bits: bigint): bigint {
  return parts.reduce((sum, part) => (sum << bits) + BigInt(Number.parseInt(part, radix)), 0n);
}

const specialRanges = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  // Metadata services that stand elsewhere.
  '168.63.129.16',
  '100.100.100.200',
  'fd00:ec2::254',
  '::/128',
  '::1',
  'fe80::/10',
  '::ffff:0:0/96',
  '64:ff9b::/96',
].flatMap(text => parseCidr(text) ?? []);
