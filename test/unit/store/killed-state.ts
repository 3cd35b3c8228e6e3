import type { KeptAnswer, Store } from '../../../src/store/store.ts';

/** Documents of a transaction. */
export const parts = ['a.yaml', 'b.yaml', 'c.yaml'] as const;
/** Revisions and answers that are kept. */
export const kept = 20;
export const tokensKept = 5;

/** How far the writer has come, as the newest transaction says. */
export function countIn(store: Store): number {
  return Number(store.latestRevision()?.documents[0]?.text.slice(3) ?? 0);
}

export const answerOf = (n: number): KeptAnswer => {
  return { key: `key ${n}`, request: 'r', at: n, status: 200, headers: {}, body: `{"n":${n}}` };
};
