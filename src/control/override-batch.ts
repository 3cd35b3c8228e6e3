import type { Override } from '../policy/operational-state.ts';
import type { Builder, Line } from './builder.ts';
import { applied, type Decision } from './decide.ts';
import type { OverrideKeeper } from './override-keeper.ts';
import type { OverrideWrite } from './writes.ts';

/** A write and what it comes to. */
export interface Decided {
  readonly write: OverrideWrite;
  readonly decision: Decision;
  /** Why it was not stored, and nothing came of it. */
  readonly error?: Error;
}

export interface Batch extends Pick<Line, 'input' | 'build'> {
  readonly overrides: readonly Override[];
  readonly decided: readonly Decided[];
}

/** All writes for one build, stored in order until one cannot be: that and those after it come to nothing. */
export function carryOut(
  writes: readonly OverrideWrite[],
  line: Line,
  { keeper, builder, now }: { readonly keeper: OverrideKeeper; readonly builder: Builder; readonly now: number },
): Batch {
  let overrides = keeper.all;
  const decided = writes.map((write): Decided => {
    const decision = write.decide({ policy: line.build.policy, overrides, now });
    overrides = applied(overrides, decision);
    return { write, decision };
  });
  // Built before anything is stored: what cannot be built must not come back at the next start.
  const made = builder.again(line, overrides);
  let error: Error | undefined;
  const stored = decided.map(({ write, decision }): Decided => {
    try {
      if (!error) keeper.store(decision, write.author);
    } catch (failure) {
      error = failure as Error;
    }
    return error ? { write, decision, error } : { write, decision };
  });
  if (!error) return { ...made, overrides, decided: stored };
  const left = stored.reduce((all, each) => (each.error ? all : applied(all, each.decision)), keeper.all);
  return { ...builder.again(line, left), overrides: left, decided: stored };
}
