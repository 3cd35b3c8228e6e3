import { type Problem, problem } from './problem.ts';

/** How many problems of one save are kept: nobody reads more, and a hostile file could make a hundred thousand. */
const mostProblems = 1000;

/** The problems, or the first 1000 of them, errors before warnings, and one that says how many more. */
export function boundProblems(problems: readonly Problem[]): readonly Problem[] {
  if (problems.length <= mostProblems) return problems;
  const errors = problems.filter(each => each.severity === 'error');
  const shown = [...errors, ...problems.filter(each => each.severity !== 'error')].slice(0, mostProblems);
  const more = `There are ${problems.length - mostProblems} more problems, which are not shown.`;
  return [...shown, problem('policy.too_many_problems', [], more, 'mend the first ones: many often have one cause')];
}
