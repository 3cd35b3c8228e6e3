import { endsSoon } from '../../base/validity.ts';
import type { CertificateFacts, CertificateFault, KeyFacts, PemFacts } from '../certificates.ts';

/** `soon`: to be renewed. `broken`: it cannot be used as it is. Worse ones stand before better ones. */
export const states = ['broken', 'expired', 'notYet', 'soon', 'good'] as const;
export type State = (typeof states)[number];

/** What a certificate can do for Switchyard: prove a server, prove a client, or sign others. */
export type Use = 'server' | 'client' | 'authority';

export interface CertificateReport {
  readonly subject: string;
  readonly issuer: string;
  readonly names: readonly string[];
  readonly goodFor: readonly Use[];
  readonly signedBy?: string;
  readonly from: string;
  readonly to: string;
  /** Whole days; negative once it has expired. */
  readonly daysLeft: number;
  readonly state: State;
  readonly key: string;
  readonly serial: string;
  readonly fingerprint: string;
}

export interface KeyReport {
  readonly kind: string;
  readonly of: readonly string[];
  readonly state: State;
}

export interface ListReport {
  readonly from: string;
  /** Absent: it does not say. */
  readonly to?: string;
  readonly daysLeft?: number;
  readonly state: State;
}

export interface FileReport {
  readonly file: string;
  readonly state: State;
  readonly certificates: readonly CertificateReport[];
  readonly keys: readonly KeyReport[];
  readonly lists: readonly ListReport[];
  readonly faults: readonly CertificateFault[];
}

export interface CertReport {
  readonly good: boolean;
  readonly files: readonly FileReport[];
}

/** Milliseconds before its end from which something is to be renewed. Absent: the last fifth of its life, two weeks at most. */
type Within = number | undefined;

export function reportOf(facts: readonly PemFacts[], now: number, within: Within): CertReport {
  const someCertificates = facts.some(each => each.certificates.length > 0);
  const files = facts.map(each => fileReport(each, now, within, someCertificates));
  return { good: files.every(each => each.state === 'good'), files };
}

function fileReport(facts: PemFacts, now: number, within: Within, someCertificates: boolean): FileReport {
  const strangers = facts.keys.filter(({ of }) => someCertificates && of.length === 0);
  const faults = [
    ...facts.faults,
    ...strangers.map(() => strange),
    ...facts.certificates.flatMap(disownment),
    ...openness(facts),
  ];
  const certificates = facts.certificates.map(each => certificateReport(each, now, within));
  const keys = facts.keys.map(each => keyReport(each, strangers.includes(each)));
  const lists = facts.lists.map(each => listReport(each, now, within));
  const all = [...certificates, ...keys, ...lists].map(each => each.state);
  return {
    file: facts.file,
    state: worstOf(faults.length > 0 ? [...all, 'broken'] : all),
    certificates,
    keys,
    lists,
    faults,
  };
}

const strange: CertificateFault = {
  why: 'the key is not that of any of these certificates',
  remedy: 'name the certificate that was made with it, or replace both together',
};

function disownment({ issuer, disowned }: CertificateFacts): readonly CertificateFault[] {
  if (disowned === undefined) return [];
  const why = `it was not signed by the authority in ${disowned}, although that is called ${issuer}, too`;
  return [{ why, remedy: 'find the authority that has signed it, or issue it anew by this one' }];
}

function openness({ file, keys }: PemFacts): readonly CertificateFault[] {
  if (!keys.some(each => each.open)) return [];
  return [{ why: 'the private key can be read by others than its owner', remedy: `chmod 600 ${file}` }];
}

function certificateReport(facts: CertificateFacts, now: number, within: Within): CertificateReport {
  const { subject, issuer, hosts, ips, uris, signedBy, from, to, key, serial, fingerprint, disowned } = facts;
  return {
    subject,
    issuer,
    names: [...hosts, ...ips, ...uris],
    goodFor: usesOf(facts),
    ...(signedBy === undefined ? {} : { signedBy }),
    ...dates(from, to, now),
    state: disowned === undefined ? stateOf({ from, to }, now, within) : 'broken',
    key,
    serial,
    fingerprint,
  };
}

const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';

/** Clients of xDS are known by host names and URIs alone, and servers by host names and IP addresses. */
function usesOf({ authority, usages, hosts, ips }: CertificateFacts): readonly Use[] {
  if (authority) return ['authority'];
  const says = (usage: string) => usages.length === 0 || usages.includes(usage);
  return [
    ...(says(serverAuth) && hosts.length + ips.length > 0 ? (['server'] as const) : []),
    ...(says(clientAuth) ? (['client'] as const) : []),
  ];
}

const keyReport = ({ kind, of, open }: KeyFacts, strange: boolean): KeyReport => ({
  kind,
  of,
  state: strange || open ? 'broken' : 'good',
});

function listReport({ from, to }: PemFacts['lists'][number], now: number, within: Within): ListReport {
  const state = stateOf({ from, to }, now, within);
  return to === Number.POSITIVE_INFINITY ? { from: iso(from), state } : { ...dates(from, to, now), state };
}

const day = 86_400_000;
const iso = (at: number) => new Date(at).toISOString();
const dates = (from: number, to: number, now: number) => ({
  from: iso(from),
  to: iso(to),
  daysLeft: Math.floor((to - now) / day),
});

function stateOf(lasting: { readonly from: number; readonly to: number }, now: number, within: Within): State {
  if (now > lasting.to) return 'expired';
  if (now < lasting.from) return 'notYet';
  return (within === undefined ? endsSoon(lasting, now) : lasting.to - now < within) ? 'soon' : 'good';
}

const worstOf = (found: readonly State[]): State => states.find(each => found.includes(each)) ?? 'good';
