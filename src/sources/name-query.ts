import { lookup, Resolver } from 'node:dns/promises';
import { Turns } from './turns.ts';

/** One answer: addresses of one family, never none, and how long they may be used. */
export interface NameAnswer {
  readonly addresses: readonly string[];
  /** Seconds. */
  readonly ttl: number;
}

/** Asks for the addresses of a host name. Rejects when there are none or nobody answers. */
export type NameQuery = (host: string) => Promise<NameAnswer>;

/** Hosts files and other sources of the system tell no time to live: they are read this often, in seconds. */
const ttlOfSystem = 5;

/**
 * Lookups of the system at a time. Each holds a thread of Node's pool, for long when no server answers; files are read
 * by the same four threads.
 */
const mostLookups = 2;

export interface SystemQueryOptions {
  /** For one question to one name server. */
  readonly timeoutMs: number;
  /** Name servers, `IP` or `IP:PORT`; absent: those of the system. */
  readonly servers?: readonly string[];
}

/**
 * Asks DNS, which tells how long an answer holds, and then the system's own resolver, which also knows the hosts file
 * and search domains. IPv4 is taken where there is any: an address of each family would count one machine twice.
 */
export function systemNameQuery({ timeoutMs, servers }: SystemQueryOptions): NameQuery {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
  if (servers) resolver.setServers(servers);
  const turns = new Turns(mostLookups);
  return async host => {
    // By definition this machine (RFC 6761); DNS servers must not be asked, and some answer all the same.
    if (host !== 'localhost' && !host.endsWith('.localhost')) {
      const records =
        (await answerOf(resolver.resolve4(host, { ttl: true }))) ??
        (await answerOf(resolver.resolve6(host, { ttl: true })));
      if (records) {
        const ttl = Math.min(...records.map(each => each.ttl));
        return { addresses: records.map(each => each.address), ttl };
      }
    }
    const found = await turns.take(() => lookup(host, { all: true }));
    const family = found.some(each => each.family === 4) ? 4 : 6;
    const addresses = found.filter(each => each.family === family).map(each => each.address);
    if (addresses.length === 0) throw new Error(`${host} has no address`);
    return { addresses, ttl: ttlOfSystem };
  };
}

/** @returns undefined for no records and for no answer alike: the system's resolver is then asked. */
async function answerOf<T>(records: Promise<readonly T[]>): Promise<readonly T[] | undefined> {
  try {
    const found = await records;
    return found.length > 0 ? found : undefined;
  } catch {
    return undefined;
  }
}
