import { listAudit } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { type Api, answer, serve } from '../serve.ts';

/** Who did what. */
export function auditRoutes(api: Api, { audit }: AdminDependencies): void {
  serve(api, listAudit, async ({ query: { limit, cursor, who, result } }) => {
    const filter = { ...(who === undefined ? {} : { who }), ...(result === undefined ? {} : { result }) };
    const found = await audit.read(cursor, filter, limit + 1);
    const entries = found.slice(0, limit);
    return answer(200, { entries, ...(found.length > limit ? { next: String(entries.at(-1)?.id) } : {}) });
  });
}
