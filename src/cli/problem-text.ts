import type { ProblemReply } from '../admin/api.ts';
import { count, type Paint, printable } from './output.ts';

const plain: Paint = (_, text) => text;

/**
 * A problem as a person reads it: place, what is wrong and code in one line that editors and grep understand; below it
 * the path in the policy and the remedy.
 */
export function problemText(problem: ProblemReply, paint: Paint = plain): string {
  const each = printable(problem);
  const where = each.file === undefined ? '' : `${paint('bold', `${each.file}:${each.line}:${each.column}:`)} `;
  const severity = paint(each.severity === 'error' ? 'red' : 'yellow', `${each.severity}:`);
  const below = [each.path, each.hint].filter(text => text !== undefined && text !== '').join(': ');
  return `${where}${severity} ${each.message} ${paint('dim', `[${each.code}]`)}\n${below === '' ? '' : `    ${below}\n`}`;
}

/** `1 error, 2 warnings`. */
export function countProblems(problems: readonly ProblemReply[]): string {
  const errors = problems.filter(each => each.severity === 'error').length;
  return `${count(errors, 'error')}, ${count(problems.length - errors, 'warning')}`;
}
