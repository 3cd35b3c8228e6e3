import type { Victim } from './backends.ts';

/** Three servers that answer alike, one of which things happen to. The name is the first segment of its paths. */
export interface Service {
  readonly name: string;
  readonly victim: Victim;
  /** Ports of the other two. */
  readonly others: readonly number[];
}

/** A proxy that balances the services. */
export interface System {
  readonly name: string;
  /** How it is configured, in a sentence or two. */
  readonly about: string;
  /** Starts it with all services on a port of loopback. */
  start(services: readonly Service[], options: SystemOptions): Promise<RunningSystem>;
}

export interface SystemOptions {
  /** For its files; empty. */
  readonly folder: string;
  readonly port: number;
  /** Worker threads or processes. */
  readonly workers: number;
  readonly say: (line: string) => void;
}

export interface RunningSystem {
  readonly version: string;
  /** The services whose victim it has in use, in its own view; absent where it has no view without requests. */
  readonly inUse?: () => Promise<ReadonlySet<string>>;
  stop(): Promise<void>;
}
