/**
 * Weights as whole shares of a total, rounded so that they sum up to it (largest remainder, the earlier first), and none
 * above 0 becomes 0. Of two, the share of one never falls while its part of the weights grows. All 0: all 0.
 *
 * @param weights Whole numbers from 0 to 1,000,000, fewer than `total` of them.
 */
export function sharesOf(weights: readonly number[], total: number): readonly number[] {
  const sum = weights.reduce((all, each) => all + each, 0);
  if (sum === 0) return weights;
  const parts = weights.map((weight, index) => ({
    index,
    share: Math.floor((weight * total) / sum),
    remainder: (weight * total) % sum,
  }));
  const missing = total - parts.reduce((all, { share }) => all + share, 0);
  const rounded = parts.toSorted((a, b) => b.remainder - a.remainder || a.index - b.index).slice(0, missing);
  const up = new Set(rounded.map(({ index }) => index));
  const shares = parts.map(({ index, share }) => share + (up.has(index) ? 1 : 0));
  return atLeastOne(weights, shares);
}

/** What a weight above 0 lacks to 1 is taken from the largest share. */
function atLeastOne(weights: readonly number[], shares: readonly number[]): readonly number[] {
  const raised = shares.map((share, index) => ((weights[index] ?? 0) > 0 ? Math.max(share, 1) : share));
  const extra = raised.reduce((all, share, index) => all + share - (shares[index] ?? 0), 0);
  const largest = raised.indexOf(Math.max(...raised));
  return raised.map((share, index) => (index === largest ? share - extra : share));
}
