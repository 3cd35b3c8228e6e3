import { formatPath, type PolicyPath, type Problem } from '../base/problem.ts';
import { compile } from '../ir/compile.ts';
import { limits } from '../policy/document.ts';
import type { PolicyInput } from '../policy/kinds.ts';
import { noOperationalState } from '../policy/operational-state.ts';
import { parse } from '../policy/parse.ts';
import { valueAt } from '../policy/repair.ts';
import type { Draft } from './draft.ts';
import type { Absent, Notes } from './notes.ts';
import type { Imported } from './policy-text.ts';
import { placed, type SourcePlace, type Statement } from './statement.ts';

/** Lists that may not be empty: without its last item, what has the list is nothing. */
const needed = new Set(['hosts', 'rules', 'listeners', 'to']);

/** How often what is left is looked at once more: what one part hides, and what hangs on it. */
const rounds = 12;

/** What has come of a draft; all of `statements` is told of that nothing took. */
export function imported(
  draft: Draft,
  statements: readonly Statement[],
  about: (statement: Statement) => Absent,
): Imported {
  const { notes } = draft;
  notes.rest(statements, about);
  const { policy, problems } = soundPolicy(policyOf(draft), notes, statements[0]);
  return { policy, problems: [...problems, ...notes.problems], aside: notes.aside };
}

/** The policy of a draft: one fleet of edge proxies serves all its gateways. */
function policyOf({ services, gateways, routes }: Draft): PolicyInput {
  const names = Object.keys(gateways);
  return {
    ...(Object.keys(services).length > 0 ? { services } : {}),
    ...(names.length > 0 ? { gateways } : {}),
    ...(Object.keys(routes).length > 0 ? { routes } : {}),
    ...(names.length > 0 ? { fleets: { edge: { match: { cluster: 'edge' }, gateways: names } } } : {}),
  };
}

/** An import that came to nothing. */
export const refused = (reason: Problem): Imported => ({ policy: {}, problems: [reason], aside: [] });

/**
 * The policy without what the project's own checks refuse; `notes` are told of each such part. Where nothing of it can be a
 * policy, the problems say why.
 */
function soundPolicy(
  made: PolicyInput,
  notes: Notes,
  first: SourcePlace = { file: '', line: 1, column: 1 },
): { readonly policy: PolicyInput; readonly problems: readonly Problem[] } {
  let text = JSON.stringify(literal(made));
  const nothing = (message: string) => ({
    policy: {},
    problems: [placed('import.unreadable', first, message, 'import parts of it, into a file each')],
  });
  if (Buffer.byteLength(text) > limits.bytes)
    return nothing(`the policy that it comes to has more than ${limits.bytes} bytes, which no server reads`);
  for (let round = 0; round < rounds; round += 1) {
    const policy = JSON.parse(text) as PolicyInput;
    if (Object.keys(policy).length === 0) return { policy, problems: [] };
    const errors = errorsOf(text);
    if (errors.length === 0) return { policy, problems: [] };
    for (const [path, error] of cutsOf(policy, errors)) {
      tell(notes, path, error);
      cut(policy, path, notes);
    }
    text = JSON.stringify(policy);
  }
  return nothing('no policy that a server would take comes of it');
}

/** Texts as they are: in a file of policy `${` begins a variable of the environment. */
function literal<T>(value: T): T {
  if (typeof value === 'string') return value.replaceAll('${', '$${') as T & string;
  if (Array.isArray(value)) return value.map(literal) as T & unknown[];
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, literal(inner)])) as T & object;
}

function errorsOf(text: string): readonly Problem[] {
  const parsed = parse([{ file: 'policy', format: 'json', text }]);
  const problems = parsed.policy
    ? compile({ policy: parsed.policy, state: noOperationalState, resolved: new Map() }).problems
    : parsed.problems;
  return problems.filter(each => each.severity === 'error');
}

/** What to take out, the last of each list first; nothing that stands in another part that is taken out. */
function cutsOf(policy: PolicyInput, errors: readonly Problem[]): readonly (readonly [PolicyPath, Problem])[] {
  const cuts = new Map<string, readonly [PolicyPath, Problem]>();
  for (const each of errors) {
    const path = partOf(policy, each.path);
    if (!cuts.has(JSON.stringify(path))) cuts.set(JSON.stringify(path), [path, each]);
  }
  return [...cuts.values()]
    .filter(([path]) => !path.some((_, depth) => depth > 0 && cuts.has(JSON.stringify(path.slice(0, depth)))))
    .sort(([a], [b]) => inReverse(a, b));
}

function inReverse(a: PolicyPath, b: PolicyPath): number {
  const at = a.findIndex((part, index) => part !== b[index]);
  const [one, other] = [a[at], b[at]];
  return typeof one === 'number' && typeof other === 'number' ? other - one : 0;
}

/** The smallest part around a mistake that a policy can do without. What a rule asks for it cannot: it would take more. */
function partOf(policy: PolicyInput, path: PolicyPath): PolicyPath {
  let depth = path.length;
  while (depth > 1 && valueAt(policy, path.slice(0, depth)) === undefined) depth -= 1;
  const [kind, , rules] = path;
  const inMatch = kind === 'routes' && rules === 'rules' && path[4] === 'match';
  const part = path.slice(0, inMatch ? Math.min(depth, 4) : depth);
  const list = part.at(-2);
  const isLast =
    typeof list === 'string' && needed.has(list) && valueAt(policy, [...part.slice(0, -1), 1]) === undefined;
  return isLast ? part.slice(0, -2) : part;
}

function cut(policy: PolicyInput, path: PolicyPath, notes: Notes): void {
  const parent = valueAt(policy, path.slice(0, -1));
  const key = path.at(-1);
  if (Array.isArray(parent) && typeof key === 'number') {
    parent.splice(key, 1);
    notes.dropped(path.slice(0, -1), key);
  } else if (typeof parent === 'object' && parent !== null && key !== undefined) Reflect.deleteProperty(parent, key);
}

function tell(notes: Notes, path: PolicyPath, { message, hint }: Problem): void {
  const origin = notes.originOf(path);
  if (!origin) return;
  const { statement, path: whole } = origin;
  const inner = formatPath(path.slice(whole.length));
  if (inner === '') notes.left(statement, path, message, hint);
  else notes.changed(statement, path, `${inner} is left out: ${message}`, hint);
}
