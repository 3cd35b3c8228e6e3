import { count, type Paint, printable, type Style } from '../output.ts';
import { docsOf, type Finding, type Group, type State } from './finding.ts';

/** What `check` answers. */
export interface CheckReport {
  readonly good: boolean;
  readonly errors: number;
  readonly warnings: number;
  readonly groups: readonly {
    readonly group: Group;
    readonly checks: readonly (Finding & { readonly docs?: string })[];
  }[];
}

export function reportOf(found: ReadonlyMap<Group, readonly Finding[]>): CheckReport {
  const groups = [...found].map(([group, checks]) => ({ group, checks: checks.map(withDocs) }));
  const all = groups.flatMap(each => each.checks);
  const errors = all.filter(each => each.state === 'error').length;
  const warnings = all.filter(each => each.state === 'warning').length;
  return { good: errors + warnings === 0, errors, warnings, groups };
}

const withDocs = (each: Finding) => (each.remedy === undefined ? each : { ...each, docs: docsOf(each.id) });

const marks: Readonly<Record<State, { readonly mark: string; readonly style: Style }>> = {
  ok: { mark: '✔', style: 'green' },
  warning: { mark: '⚠', style: 'yellow' },
  error: { mark: '✖', style: 'red' },
  skipped: { mark: '-', style: 'dim' },
};

/** Each group with its ticks; below what is wrong stands what to do about it, and where the documentation says more. */
export function checkText(report: CheckReport, paint: Paint): string {
  const { groups, errors, warnings } = printable(report);
  const parts = groups.map(({ group, checks }) => {
    const lines = checks.map(({ state, message, remedy, docs }) => {
      const { mark, style } = marks[state];
      const text = state === 'skipped' ? paint('dim', message) : message;
      const below = remedy === undefined ? '' : `    ${remedy}\n    ${paint('dim', docs ?? '')}\n`;
      return `  ${paint(style, mark)} ${text}\n${below}`;
    });
    return `${paint('bold', group)}\n${lines.join('')}`;
  });
  const summary =
    errors + warnings === 0
      ? paint('green', 'nothing is wrong')
      : paint(errors > 0 ? 'red' : 'yellow', `${count(errors, 'error')}, ${count(warnings, 'warning')}`);
  return `${parts.join('\n')}\n${summary}\n`;
}
