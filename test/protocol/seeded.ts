/** The same conversations each time; `SEED` and `RUNS` in the environment ask for others, and for more. */
export function seeded(runs: number): { readonly seed: number; readonly numRuns: number } {
  const { SEED: seed = '7', RUNS: wanted = String(runs) } = process.env;
  return { seed: Number(seed), numRuns: Number(wanted) };
}
