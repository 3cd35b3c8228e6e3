import type { Override } from '../policy/operational-state.ts';
import type { Builder, Line } from './builder.ts';
import { submissionByName } from './by-name.ts';
import type { Accepted, Preview } from './control.ts';
import { effectOf } from './effect.ts';
import type { Gate } from './gate.ts';
import type { Names } from './names.ts';
import type { Build, BuildOutcome, Pipeline, Read } from './pipeline.ts';
import type { Submission } from './writes.ts';

/** What a preview is about. */
export type Previewed = Pick<Submission, 'documents' | 'upon' | 'options'>;

export interface PreviewOptions {
  readonly pipeline: Pipeline;
  readonly names: Names;
  readonly builder: Builder;
  readonly gate: Gate;
  readonly overrides: () => readonly Override[];
  readonly inForce: () => Line | undefined;
  readonly accepted: () => Accepted | undefined;
}

/** What a policy that was read would come to, in its turn or, where that is asked for by name, while all is frozen. */
export function previewer(options: PreviewOptions): (read: Read, wanted: Previewed) => Preview {
  return (read, wanted) => {
    const [gate, before, accepted] = [options.gate, options.inForce()?.build, options.accepted()];
    const made = options.builder.make(read, options.overrides(), before);
    const named = made.kind === 'built' ? submissionByName(wanted, gate, options) : undefined;
    if (named?.kind === 'failed') return { kind: 'rejected', problems: named.problems };
    if (named) return previewOf(read, named.passing, named.passing.before.build, accepted);
    const preview = previewOf(read, made, before, accepted);
    return preview.kind === 'acceptable' ? { ...preview, effect: gate.told(preview.effect) } : preview;
  };
}

/** What a policy that was read and built would come to. */
function previewOf(
  read: Read,
  outcome: BuildOutcome,
  before: Build | undefined,
  accepted: Accepted | undefined,
): Preview {
  if (outcome.kind === 'failed') return { kind: 'rejected', problems: outcome.problems };
  const { build } = outcome;
  const warnings = [...read.problems, ...build.problems];
  const { fleets, snapshots } = build;
  const plan = { before, after: build, warnings: { before: accepted?.warnings ?? [], after: warnings } };
  return { kind: 'acceptable', fleets, snapshots, effect: effectOf(before, build, () => true), warnings, plan };
}
