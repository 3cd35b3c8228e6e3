/** Scenarios of one folder, which share their set-up. A folder `bench/NAME` exports it as `bench` of its `bench.ts`. */
export interface Bench {
  /** Names of the scenarios, each with what it measures in a few words. */
  readonly scenarios: Readonly<Record<string, string>>;
  /** What `--help` says of it, beside its scenarios: flags of its own. */
  readonly usage?: string;
  /** `--quick` by itself measures it: in few minutes it tells whether a change has made anything dearer. */
  readonly watched?: true;
  /** Measures those named, in this order, and prints what came out. Rejects when one of them could not be measured. */
  run(names: readonly string[], options: BenchOptions): Promise<void>;
}

export interface BenchOptions {
  /** Smaller and shorter: fit to see a regression, not for figures to be published. */
  readonly quick: boolean;
  /** What else was given as `--name value` or `--name`; each folder says what it knows. */
  readonly flags: Readonly<Record<string, string>>;
}
