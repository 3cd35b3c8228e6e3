import type { ProblemReply } from '../../admin/api.ts';
import { count } from '../output.ts';
import { error, type Finding, ok, skipped, warning } from './finding.ts';

export interface FilesFacts {
  readonly path: string;
  readonly good: boolean;
  readonly fleets: number;
  readonly problems: readonly ProblemReply[];
  /** Files that others than their owner may write. */
  readonly writable: readonly string[];
}

/** Where a server runs, and none of its policy is where it would usually be. */
export const policyElsewhere = (path: string): Finding =>
  skipped('files.policy', `there is none at ${path}; name that of the server with --policy`);

/** Problems told one by one; what is more is counted. */
const most = 20;

export function filesFindings({ path, good, fleets, problems, writable }: FilesFacts): readonly Finding[] {
  const errors = problems.filter(each => each.severity === 'error');
  const warnings = problems.filter(each => each.severity === 'warning');
  return [
    ...(good && errors.length === 0
      ? [ok('files.policy', `${path} is a good policy: ${count(fleets, 'fleet')}`)]
      : told(errors, (each, message) => error('files.policy', message, remedyOf(each)))),
    ...told(warnings, (each, message) => warning('files.warnings', message, remedyOf(each))),
    ...writable.map(file =>
      warning(
        'files.access',
        `${file} can be written by others than its owner: whoever does so decides what proxies do`,
        `chmod go-w ${file}`,
      ),
    ),
  ];
}

function told(
  problems: readonly ProblemReply[],
  make: (each: ProblemReply, message: string) => Finding,
): readonly Finding[] {
  const shown = problems.slice(0, most).map(each => make(each, messageOf(each)));
  const [first] = problems;
  if (problems.length <= most || first === undefined) return shown;
  return [
    ...shown,
    { ...make(first, `… and ${problems.length - most} more`), remedy: 'switchyard validate shows all of them' },
  ];
}

function messageOf({ file, line, column, message, code }: ProblemReply): string {
  const where = file === undefined ? '' : `${file}:${line}:${column}: `;
  return `${where}${message} [${code}]`;
}

const remedyOf = ({ hint, code }: ProblemReply): string =>
  hint ?? `docs/errors.md#${code.replace('.', '')} says what to do`;
