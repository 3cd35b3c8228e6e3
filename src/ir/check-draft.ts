import { compareText } from '../base/compare.ts';
import { formatProblem, type Problem } from '../base/problem.ts';
import { anythingMissing, type Draft, doubtful } from '../policy/draft.ts';
import type { ParseResult } from '../policy/parse.ts';
import { locate } from '../policy/source-map.ts';
import { checkPolicy } from './compile.ts';
import { restsOn } from './rests-on.ts';

/**
 * What is wrong with documents as far as they alone show it: of a policy that cannot be read as a whole, also what is
 * wrong with its structure apart from the mistakes in it. None of these problems goes away by mending another.
 * By file, line and column. `unread`: why other documents of the policy could
 * not be read; what they would have declared is not missed.
 */
export function documentProblems(parsed: ParseResult, unread: readonly Problem[] = []): readonly Problem[] {
  const draft = unread.length > 0 ? withUnread(parsed) : parsed.draft;
  if (!draft) return parsed.problems;
  const own = unread.length > 0 ? parsed.problems.filter(each => each.code !== 'policy.empty') : parsed.problems;
  const all = [...own, ...locate(checkDraft(draft), parsed.sources)];
  return [...unread, ...inOrder([...new Map(all.map(each => [formatProblem(each), each])).values()])];
}

function withUnread({ policy, draft }: ParseResult): Draft | undefined {
  const known = draft ?? (policy && { policy, doubts: [] });
  return known && { ...known, doubts: [...known.doubts, ...anythingMissing] };
}

/** Nobody reads more of them, and each costs a look at what it rests on. */
const mostProblems = 1000;

/** The problems that do not rest on anything in doubt. */
function checkDraft({ policy, doubts }: Draft): readonly Problem[] {
  const inDoubt = doubtful(doubts);
  const found = checkPolicy(policy).slice(0, mostProblems);
  return found.filter(problem => !restsOn(policy, problem).some(inDoubt));
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const place = ({ source }: Problem) => source ?? { file: '', line: 0, column: 0 };
  return problems.toSorted((a, b) => {
    const [one, other] = [place(a), place(b)];
    return compareText(one.file, other.file) || one.line - other.line || one.column - other.column;
  });
}
