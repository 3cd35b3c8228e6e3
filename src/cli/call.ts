import type { AnswerOf, Operation } from '../admin/api/operation.ts';
import { type Asking, requestOf } from '../admin/api/request.ts';
import { callAdmin } from './client.ts';
import type { AdminFlags, CliHost } from './host.ts';

/** Calls an operation of the admin API; see {@link callAdmin}. */
export async function call<O extends Operation>(
  host: CliHost,
  flags: AdminFlags,
  operation: O,
  asking: Asking<O>,
): Promise<AnswerOf<O>> {
  const { method, path } = requestOf(operation, asking);
  const body = 'body' in asking ? asking.body : undefined;
  return (await callAdmin(host, flags, method as 'GET', path, body)) as AnswerOf<O>;
}
