import type { AuditLog } from './access/audit-log.ts';
import type { Tokens } from './access/tokens.ts';
import { type Problem, problem } from './base/problem.ts';

/** What an operator should know of the audit log and the tokens. */
export function accessProblems(
  { damage }: Pick<Tokens, 'damage'>,
  { failing, failures }: Pick<AuditLog, 'failing' | 'failures'>,
): readonly Problem[] {
  return [
    ...(failing === undefined
      ? []
      : [
          problem(
            'audit.unwritable',
            [],
            `the audit log cannot be written, and ${failures} entries are missing in it: ${failing}`,
            'free space on the disk of the data directory or mend its permissions; it goes on by itself',
          ),
        ]),
    ...(damage === undefined
      ? []
      : [
          problem(
            'tokens.unreadable',
            [],
            `no token is good but the first admin's: ${damage}`,
            'put back a copy of the file and restart, or make new tokens',
          ),
        ]),
  ];
}
