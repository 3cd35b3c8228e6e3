import { changeLogLevel, type LogLevel, readLogLevel } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { type Api, answer, serve } from '../serve.ts';

/** How much is logged. */
export function logLevelRoutes(api: Api, { log }: AdminDependencies): void {
  const now = () => answer(200, { level: log.level as LogLevel });
  serve(api, readLogLevel, now);
  serve(api, changeLogLevel, ({ body: { level }, context }) => {
    const before = log.level;
    log.level = level;
    log.info({ before, level, by: context.get('caller').name }, 'another level of the log');
    return now();
  });
}
