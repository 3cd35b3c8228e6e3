import { z } from 'zod';
import { operation } from './operation.ts';
import type { Reply } from './reply.ts';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const LogLevelReply = z
  .object({ level: z.enum(logLevels).describe('What is logged: this and what is worse.') })
  .meta({ id: 'LogLevel', description: 'How much is logged.' });
export type LogLevelReply = Reply<typeof LogLevelReply>;

export const readLogLevel = operation({
  id: 'readLogLevel',
  method: 'get',
  path: '/api/v1/log-level',
  family: 'Operation',
  summary: 'How much is logged',
  answers: { 200: LogLevelReply },
});

export const changeLogLevel = operation({
  id: 'changeLogLevel',
  unstored: true,
  method: 'put',
  path: '/api/v1/log-level',
  family: 'Operation',
  role: 'admin',
  summary: 'Changes how much is logged, until the server ends',
  body: z.strictObject({ level: z.enum(logLevels).describe('`debug` says most.') }),
  example: { level: 'debug' },
  answers: { 200: LogLevelReply },
});
