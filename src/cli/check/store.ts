import type { BackupFacts, StoreFacts } from '../machine.ts';
import { ago, count } from '../output.ts';
import { error, type Finding, ok, skipped, warning } from './finding.ts';

const MiB = 1024 ** 2;
/** Bytes: below the first a revision may no longer be stored, below the second it is time to make room. */
const tooLittle = 64 * MiB;
const little = 512 * MiB;
const day = 86_400_000;

export function storeFindings(facts: StoreFacts, now: number): readonly Finding[] {
  const { folder, exists, unusable, holder, open } = facts;
  const backups = facts.backups ? [backupFinding(facts.backups, now)] : [];
  if (unusable !== undefined) {
    const remedy = 'make it a folder that the user of the server owns, or name another with --data';
    return [error('store.directory', `the data directory ${folder} cannot be used: ${unusable}`, remedy), ...backups];
  }
  if (!exists) {
    return [
      ok('store.directory', `${folder} is not there yet; a server makes it`),
      ...spaceFindings(facts),
      ...backups,
    ];
  }
  const by =
    holder === undefined ? 'no server runs on it' : `${holder === 0 ? 'a server' : `process ${holder}`} runs on it`;
  return [
    ok('store.directory', `${folder}, ${by}`),
    ...(open.length === 0
      ? [ok('store.access', 'tokens, policy and history are for its owner only')]
      : open.map(file =>
          error('store.access', `${file} can be reached by others than its owner`, `chmod -R go-rwx ${file}`),
        )),
    integrityFinding(facts),
    ...spaceFindings(facts),
    ...backups,
  ];
}

function integrityFinding({ database }: StoreFacts): Finding {
  const id = 'store.integrity';
  switch (database.kind) {
    case 'whole':
      return ok(
        id,
        `the store is whole, ${database.revision === 0 ? 'without a revision' : `up to revision ${database.revision}`}`,
      );
    case 'none':
      return skipped(id, 'there is no store yet');
    case 'unread':
      return skipped(id, 'the store is in use: its server has checked it as it started');
    case 'damaged': {
      const message = `the store is damaged: ${database.damage.join('; ')}`;
      if (database.copy) {
        return warning(
          id,
          message,
          'the next start goes on with the copy beside it and keeps the damaged one; look at the disk',
        );
      }
      return error(
        id,
        `${message}; and there is no good copy beside it`,
        'put a backup back: switchyard restore FILE --data DIR',
      );
    }
  }
}

function spaceFindings({ space }: StoreFacts): readonly Finding[] {
  if (!space) return [];
  const { free, total } = space;
  const share = total > 0 ? `, ${Math.floor((free / total) * 100)}%` : '';
  const message = `${size(free)} are free on its disk${share}`;
  const remedy = 'make room, or move the data directory with --data';
  if (free < tooLittle) return [error('store.space', message, remedy)];
  return [free < little ? warning('store.space', message, remedy) : ok('store.space', message)];
}

function size(bytes: number): string {
  return bytes >= 1024 * MiB ? `${(bytes / 1024 / MiB).toFixed(1)} GiB` : `${Math.floor(bytes / MiB)} MiB`;
}

/** Days after which a backup is too old to be of much use. */
const oldest = 7;

function backupFinding({ folder, newest }: BackupFacts, now: number): Finding {
  const id = 'store.backups';
  const remedy = `make one: switchyard backup ${folder}/switchyard.backup`;
  if (!newest) return warning(id, `there is no backup in ${folder}`, remedy);
  const { file, at, why } = newest;
  if (why !== undefined) return error(id, `the newest backup, ${file}, cannot be restored: ${why}`, remedy);
  const age = ago(new Date(at).toISOString(), now);
  if (now - at > oldest * day) {
    return warning(id, `the newest backup, ${file}, was made ${age}, more than ${count(oldest, 'day')}`, remedy);
  }
  return ok(id, `the newest backup, ${file}, was made ${age} and can be restored`);
}
