/** Weights of a service's endpoints that somebody computed from measurements, for a time. Instants: milliseconds since the epoch. */
export interface ComputedWeights {
  readonly service: string;
  /** Who computes them. A service has one source at a time. */
  readonly source: string;
  /** Canonical address of a declared endpoint → weight from 1 to 1000, relative to the others here. Same object: same weights. */
  readonly weights: ReadonlyMap<string, number>;
  /** When these weights came first, and when they came last. */
  readonly since: number;
  readonly renewed: number;
  /** From then on the declared weights hold again. */
  readonly expiresAt: number;
}

/** What of it decides endpoints: by service, by canonical address. */
export type WeightsByService = ReadonlyMap<string, ReadonlyMap<string, number>>;

export const noComputedWeights: WeightsByService = new Map();
