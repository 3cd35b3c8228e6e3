import type { PolicyReply, ProblemReply, ProxiesReply } from '../src/admin/api.ts';
import { readToken } from '../src/admin/auth.ts';

/** The admin API of the demonstration's control plane. */
export interface AdminClient {
  call(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }>;
  proxies(): Promise<ProxiesReply['proxies']>;
  /** Of the last save, if it was not taken. */
  problems(): Promise<readonly ProblemReply[]>;
}

export function adminClient(port: number, dataFolder: string): AdminClient {
  const call: AdminClient['call'] = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { authorization: `Bearer ${readToken(dataFolder) ?? ''}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    });
    return { status: response.status, body: await response.json() };
  };
  return {
    call,
    proxies: async () => ((await call('GET', '/api/v1/proxies')).body as ProxiesReply).proxies,
    problems: async () => ((await call('GET', '/api/v1/policy')).body as PolicyReply).rejected?.problems ?? [],
  };
}
