/**
 * The same conversations each time; `SEED` and `RUNS` in the environment ask for others, and for more. Longer runs still
 * find, in one of some thousand, rare ends: aliases of what an error takes the place of, and contents of snapshots in
 * between that arrive after newer ones were published.
 */
export function seeded(runs: number): { readonly seed: number; readonly numRuns: number } {
  const { SEED: seed = '7', RUNS: wanted = String(runs) } = process.env;
  return { seed: Number(seed), numRuns: Number(wanted) };
}
