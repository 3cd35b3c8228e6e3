import { authored, dryRunQuery, operation } from './operation.ts';
import { ChangeReply } from './revisions.ts';

export const readBackup = operation({
  id: 'readBackup',
  method: 'get',
  path: '/api/v1/backup',
  family: 'Operation',
  role: 'admin',
  ofAllFleets: true,
  summary: 'Everything that the store holds, as of one moment',
  doc: 'Policy with its whole history, overrides, quarantines and addresses of names; no tokens and no audit log.',
  answers: { 200: { mediaType: 'application/gzip' } },
});

export const restoreBackup = operation({
  id: 'restoreBackup',
  method: 'put',
  path: '/api/v1/backup',
  family: 'Operation',
  role: 'admin',
  summary: 'Puts a backup in place of everything, and in force',
  doc: 'The body is what a backup gave, `application/gzip`, up to 256 MiB. All of it is checked before anything changes.',
  headers: authored.headers,
  query: { ...dryRunQuery, reason: authored.reason },
  answers: { 200: ChangeReply, 202: ChangeReply },
  errors: {
    409: 'Its policy is not accepted: `problems` says why. Nothing has changed.',
    413: 'It is too large.',
    415: 'The body is not said to be `application/gzip`.',
    422: 'It is no backup, or is damaged. Nothing has changed.',
    503: 'The store cannot be written; nothing has changed.',
    507: 'The disk of the data directory is full; nothing has changed.',
  },
});
