import type { Problem } from '../base/problem.ts';
import type { Revision } from '../store/store.ts';
import type { DryRun, Effect, SubmitOptions } from './control.ts';
import type { DeclaredResources } from './declared.ts';
import type { EditOptions, EditRefusal } from './edits.ts';
import type { Plan } from './plan.ts';

export interface EditAbout extends EditOptions, SubmitOptions, DryRun {
  readonly by: string;
  readonly reason?: string;
}

export type EditOutcome =
  | {
      readonly kind: 'done';
      /** False where everything was so already. */
      readonly changed: boolean;
      /** What is declared then. */
      readonly declared: DeclaredResources;
      readonly revision: Revision | undefined;
      readonly effect: Effect;
      readonly warnings: readonly Problem[];
      /** Of a dry run. */
      readonly plan?: Plan;
    }
  | { readonly kind: 'refused'; readonly refusal: EditRefusal }
  /** The policy would have errors. */
  | { readonly kind: 'rejected'; readonly problems: readonly Problem[] };
