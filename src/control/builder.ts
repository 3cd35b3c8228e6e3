import { hasErrors, messagesOf, type Problem } from '../base/problem.ts';
import type { WeightsByService } from '../policy/computed-weights.ts';
import type { Override, Quarantine } from '../policy/operational-state.ts';
import type { Revision } from '../store/store.ts';
import type { Names } from './names.ts';
import type { Build, BuildInput, Pipeline, Read } from './pipeline.ts';

/** A state of everything, and what was made of it. */
export interface Line {
  /** The declared policy's. */
  readonly revision: Revision;
  /** Number of the newest revision of either kind. */
  readonly number: number;
  /** Warnings of the reading. */
  readonly problems: readonly Problem[];
  readonly input: BuildInput;
  readonly build: Build;
  /** What was asked by name during a freeze has changed it since: it is no longer what the revision says. */
  readonly altered?: true;
}

export interface BuilderOptions {
  readonly pipeline: Pipeline;
  readonly names: Names;
  readonly computed: () => WeightsByService;
  readonly quarantines: () => readonly Quarantine[];
}

export type Made =
  | { readonly kind: 'built'; readonly input: BuildInput; readonly build: Build }
  | { readonly kind: 'failed'; readonly problems: readonly Problem[] };

export type Instead = Partial<Pick<BuildInput, 'resolved' | 'computed' | 'quarantines'>>;

/** Builds what was read, with what holds now beside it: names, computed weights, quarantines. */
export class Builder {
  readonly #options: BuilderOptions;

  constructor(options: BuilderOptions) {
    this.#options = options;
  }

  /** @param instead what holds in place of that which holds now. */
  make(
    { policy, sources, problems }: Read,
    overrides: readonly Override[],
    previous: Build | undefined,
    instead: Instead = {},
  ): Made {
    if (!policy || hasErrors(problems)) return { kind: 'failed', problems };
    const { pipeline, names, computed, quarantines } = this.#options;
    const state = { overrides, resolved: names.answers, computed: computed(), quarantines: quarantines() };
    const input = { policy, sources, ...state, ...instead };
    const outcome = pipeline.build(input, previous);
    if (outcome.kind === 'built') return { kind: 'built', input, build: outcome.build };
    return { kind: 'failed', problems: [...problems, ...outcome.problems] };
  }

  /** The policy of a line with other overrides or names. @throws Error when that has errors, which would be a bug. */
  again(line: Line, overrides: readonly Override[], instead?: Instead): Pick<Line, 'input' | 'build'> {
    const { policy } = line.build;
    const made = this.make({ policy, sources: line.input.sources, problems: [] }, overrides, line.build, instead);
    if (made.kind === 'built') return made;
    throw new Error(`the accepted policy has errors: ${messagesOf(made.problems)}`);
  }
}
