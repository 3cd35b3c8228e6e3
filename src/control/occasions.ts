import { type Problem, problem } from '../base/problem.ts';
import { locate } from '../policy/source-map.ts';
import type { Revision } from '../store/store.ts';
import type { Line } from './builder.ts';
import type { QuarantineChange, SubmitOutcome } from './control.ts';
import { effectOf } from './effect.ts';
import type { Decided } from './override-batch.ts';
import type { Read } from './pipeline.ts';
import type { Occasion } from './publication-log.ts';
import { type Stand, shrinkProblems } from './shrink.ts';
import { changeOf, server } from './what.ts';

const mostNamed = 3;

type Occurred = Pick<Decided, 'decision' | 'error'> & { readonly write: Pick<Decided['write'], 'author'> };

/** Why a batch of writes leads to other snapshots: the overrides among them, or else what has come by itself. */
export function occasionOf(decided: readonly Occurred[], before: Line, after: Line, now: number): Occasion {
  const changes = decided.flatMap(({ write, decision, error }) =>
    error ? [] : (changeOf(decision, write.author, now) ?? []),
  );
  const [first] = changes;
  if (first) {
    const named = changes.slice(0, mostNamed).map(each => each.what);
    const more = changes.length > mostNamed ? [`and ${changes.length - mostNamed} more`] : [];
    return { cause: 'override', author: first.author, what: [...named, ...more].join('; ') };
  }
  if (before.input.computed !== after.input.computed) {
    return { cause: 'computed', author: server, what: 'computed weights have changed' };
  }
  const hosts = [...after.input.resolved]
    .filter(([host, addresses]) => before.input.resolved.get(host)?.join() !== addresses.join())
    .map(([host, addresses]) => `${host} has ${addresses.length} ${addresses.length === 1 ? 'address' : 'addresses'}`);
  const what = hosts.slice(0, mostNamed).join(', ') || 'names have changed';
  return { cause: 'names', author: server, what };
}

export function quarantineOccasion(change: QuarantineChange): Occasion {
  if ('release' in change) {
    return { cause: 'quarantine', author: 'admin API', what: `${change.release.name} is sent again` };
  }
  return { cause: 'quarantine', author: server, what: `proxies reject ${change.found.name}` };
}

export function standOf({ input, build }: Pick<Line, 'input' | 'build'>): Stand {
  return { policy: build.policy, fleets: build.fleets, resolved: input.resolved };
}

/** What the guard against shrinking says of a change (P14). */
export function shrinksBetween(
  before: Pick<Line, 'input' | 'build'> | undefined,
  after: Pick<Line, 'input' | 'build'>,
): readonly Problem[] {
  return before ? locate(shrinkProblems(standOf(before), standOf(after)), after.input.sources) : [];
}

/** What comes of files that are held back. */
export function heldOutcome({ build, revision }: Line, { problems }: Read): SubmitOutcome {
  const effect = effectOf(build, build, () => true);
  return { kind: 'accepted', revision, effect, warnings: problems, held: true };
}

/** That what the files say is not in force, and why. */
export function heldWarning({ heldFiles, what, author }: Revision): readonly Problem[] {
  if (heldFiles === undefined) return [];
  const message = `The policy files are without effect until they change: ${what || 'other documents are in force'}, by ${author}`;
  return [problem('policy.files_held', [], message, 'bring the files to what is wanted, and save them')];
}
