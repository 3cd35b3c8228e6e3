import { type Backup, readBackup as parseBackup, writeBackup } from '../../store/backup.ts';
import { readBackup, restoreBackup } from '../api.ts';
import { answerChange } from '../change-answer.ts';
import { announcer } from '../deed.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { readAuthorship } from '../input.ts';
import { ApiError } from '../problem-json.ts';
import { type Api, serve } from '../serve.ts';

/** The store as a file, and back. */
export function backupRoutes(api: Api, dependencies: AdminDependencies): void {
  const { control, events, now = Date.now } = dependencies;
  serve(api, readBackup, async () => {
    const bytes = new Uint8Array(await writeBackup(control.revisions.contents(), now()));
    return new Response(bytes, { headers: { 'content-type': 'application/gzip', 'cache-control': 'no-store' } });
  });
  serve(api, restoreBackup, async asked => {
    const { req } = asked.context;
    if (!/^application\/gzip\b/i.test(req.header('content-type') ?? ''))
      throw new ApiError(415, 'Unsupported media type', 'The body must be application/gzip.');
    const { contents } = await checked(new Uint8Array(await req.arrayBuffer()));
    const { dryRun = false } = asked.query;
    const author = readAuthorship(asked);
    const outcome = await control.revisions.restore(contents, author, { dryRun });
    announcer(events)('restore', author, 'puts a backup in place of everything', outcome);
    return answerChange({ ...asked, query: { dryRun } }, dependencies, outcome);
  });
}

async function checked(bytes: Uint8Array): Promise<Backup> {
  try {
    return await parseBackup(bytes);
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new ApiError(422, 'Invalid backup', `The backup cannot be restored: ${why}.`);
  }
}
