import type { Problem } from '../base/problem.ts';
import type { StoredDocument } from '../store/store.ts';

/** What the commands need of the program around them; `main.ts` at the root gives it. */
export interface CliHost {
  readonly version: string;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Colours and redrawing only where a person looks. */
  readonly terminal: boolean;
  /** Runs the control plane until it is told to end. Flags are those of `serve`, by their long names. */
  serve(flags: ServeFlags): Promise<void>;
  /** Reads policy from a file or a folder, once. */
  readDocuments(
    path: string,
  ): Promise<{ readonly documents: readonly StoredDocument[]; readonly problems: readonly Problem[] }>;
  /** Where the admin API is and what it wants; flags win over the environment, that over defaults. */
  adminTarget(flags: AdminFlags): {
    readonly url: string;
    readonly token: string | undefined;
    readonly dataFolder: string;
  };
}

/** Flags of `serve`, as given. */
export type ServeFlags = Readonly<Record<string, string | boolean | undefined>>;

/** Flags of every command that talks to a running server. */
export interface AdminFlags {
  readonly admin?: string;
  readonly data?: string;
  readonly token?: string;
}
