/** From when to when something holds; milliseconds since the epoch. */
export interface Validity {
  readonly from: number;
  readonly to: number;
}

const day = 86_400_000;

/** True in the last fifth of its life, but not sooner than two weeks before its end: then it is to be renewed. */
export const endsSoon = ({ from, to }: Validity, now: number): boolean =>
  to - now < Math.min((to - from) / 5, 14 * day);
