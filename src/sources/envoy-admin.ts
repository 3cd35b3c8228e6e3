import { request } from 'node:http';
import type { Address } from '../base/address.ts';
import { type Cidr, isAllowed } from '../base/cidr.ts';
import type { HealthReport } from '../base/endpoint-health.ts';
import { readClusters } from './clusters-report.ts';
import { JsonWalk } from './json-walk.ts';
import type { NameQuery } from './name-query.ts';

/** The admin interface of one proxy. */
export interface AdminTarget {
  /** Node id of the proxy, which must be what the interface says of itself. */
  readonly node: string;
  readonly address: Exclude<Address, { readonly kind: 'unix' }>;
  /** Its IP address must lie in one of these. */
  readonly within: readonly Cidr[];
  /** What it was told of, by cluster. Whatever else it speaks of is not kept: it could be anything, and any amount. */
  readonly endpoints: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface AdminQueryOptions {
  readonly query: NameQuery;
  /** Milliseconds for all that one question takes. */
  readonly timeoutMs: number;
  /** Bytes of an answer. */
  readonly largest: number;
}

export interface AdminAnswer {
  readonly report: HealthReport;
  /** Milliseconds that its clock is ahead of ours, to the second; absent where it does not tell the time. */
  readonly ahead?: number;
  /** Milliseconds that reading it took, others' turns not counted. */
  readonly cost: number;
}

/** An answer that makes no sense. */
export class UnreadableAnswer extends Error {
  /** Milliseconds, as in {@link AdminAnswer}. */
  readonly cost: number;
  constructor(message: string, cost: number) {
    super(message);
    this.name = 'UnreadableAnswer';
    this.cost = cost;
  }
}

/** Asks a proxy how it finds its endpoints. Rejects with the reason when it cannot be had. */
export type AdminQuery = (target: AdminTarget, signal: AbortSignal) => Promise<AdminAnswer>;

/**
 * Asks over HTTP, by GET alone: first who answers there, then for the endpoints. The connection goes to the very IP
 * address that was looked at (P27): a name is resolved once, and no redirect is followed.
 */
export function adminQuery({ query, timeoutMs, largest }: AdminQueryOptions): AdminQuery {
  return async (target, stop) => {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]);
    const { host, port } = await placeOf(target, query, signal);
    const get = (path: string, most: number) => getText({ host, port, path, largest: most, signal });
    const { text: info, ahead } = await get('/server_info', Math.min(largest, largestInfo));
    const { value: node, cost: first } = await timed(info, nodeOf);
    if (node !== target.node) {
      throw new UnreadableAnswer(`another proxy answers there, with the node id ${shown(node)}`, first);
    }
    const { text } = await get('/clusters?format=json', largest);
    const { value: report, cost } = await timed(text, walk => readClusters(walk, target.endpoints));
    return { report, cost: first + cost, ...(ahead === undefined ? {} : { ahead }) };
  };
}

/** Bytes; an Envoy says some thousand. Whoever lies about itself is not given long to do so. */
const largestInfo = 256 * 1024;

async function timed<T>(text: string, read: (walk: JsonWalk) => Promise<T>): Promise<{ value: T; cost: number }> {
  const walk = new JsonWalk(text);
  try {
    return { value: await read(walk), cost: walk.cost };
  } catch (error) {
    throw new UnreadableAnswer(error instanceof Error ? error.message : String(error), walk.cost);
  }
}

async function placeOf({ address, within }: AdminTarget, query: NameQuery, signal: AbortSignal) {
  const ip = address.kind === 'ip' ? address.ip : await resolved(address.host, query, signal);
  if (!isAllowed(ip, within)) throw new Error(`${ip} lies in none of the ranges that the fleet declares`);
  return { host: ip, port: address.port };
}

async function resolved(host: string, query: NameQuery, signal: AbortSignal): Promise<string> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const fail = () => reject(new Error(`${host} was not resolved in time`));
  signal.addEventListener('abort', fail, { once: true });
  try {
    const [first] = (await Promise.race([query(host), late])).addresses;
    if (first === undefined) throw new Error(`${host} has no address`);
    return first;
  } finally {
    signal.removeEventListener('abort', fail);
  }
}

interface Get {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly largest: number;
  readonly signal: AbortSignal;
}

interface Got {
  readonly text: string;
  readonly ahead?: number;
}

function getText({ host, port, path, largest, signal }: Get): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  const headers = { host: 'envoy', 'accept-encoding': 'identity' };
  const asked = request({ host, port, path, method: 'GET', headers, agent: false, signal, maxHeaderSize: 8192 });
  asked.once('error', error => reject(signal.aborted ? new Error('no answer in time') : error));
  asked.once('response', response => {
    const chunks: Buffer[] = [];
    let size = 0;
    const ahead = aheadOf(response.headers.date);
    if (response.statusCode !== 200) {
      reject(new Error(`it answered ${response.statusCode}`));
      asked.destroy();
      return;
    }
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= largest) return;
      reject(new Error(`its answer is larger than ${largest} bytes`));
      asked.destroy();
    });
    response.once('end', () => resolve({ text: Buffer.concat(chunks).toString('utf8'), ...ahead }));
    response.once('error', error => reject(signal.aborted ? new Error('no answer in time') : error));
    response.once('close', () => reject(new Error('its answer was cut off')));
  });
  // An answer that is none, such as 101, ends the connection with neither an error nor a response.
  asked.once('close', () => reject(new Error('it gave no answer to the question')));
  asked.end();
  return promise;
}

/** Its clock says the second that it is in, so that half of one is added. */
function aheadOf(date: string | undefined): { readonly ahead?: number } {
  const at = Date.parse(date ?? '');
  return Number.isNaN(at) ? {} : { ahead: at + 500 - Date.now() };
}

async function nodeOf(walk: JsonWalk): Promise<unknown> {
  let id: unknown;
  await walk.members('the answer', async key => {
    if (key !== 'node') return walk.skip(key);
    await walk.members(key, member => {
      if (member === 'id') id = walk.value('the node id', longestId);
      else walk.skip(member);
    });
  });
  return id;
}

/** Characters of a node id. */
const longestId = 4096;

const shown = (value: unknown) => JSON.stringify(value ?? null).slice(0, 300);
