import type { Problem } from '../base/problem.ts';
import type { Publication } from '../snapshot/board.ts';

/** What a write would lead to, beside what there is. */
export interface Plan {
  /** Undefined before the first policy. */
  readonly before: Publication | undefined;
  readonly after: Publication;
  readonly warnings: { readonly before: readonly Problem[]; readonly after: readonly Problem[] };
  /** What the guard against shrinking says of it (P14): it is refused for that unless it is said to be meant so. */
  readonly shrinks: readonly Problem[];
}
