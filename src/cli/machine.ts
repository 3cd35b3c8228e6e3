import type { ServeFlags } from './host.ts';

/** Facts about the machine that a command runs on, as `check` judges them. All of them are read without changing anything. */

export interface CheckFlags extends ServeFlags {
  /** An Envoy binary; `envoy` on the PATH unless said. */
  readonly envoy?: string;
  /** A folder that backups are put into. */
  readonly backups?: string;
}

/** Where the server of this machine is, by flags, environment and defaults, and what `serve` would say of that. */
export interface SettingsFacts {
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
  readonly policy: string;
  /** True where nobody has named a policy, and there is none at the usual place either. */
  readonly noPolicy: boolean;
  readonly data: string;
}

export interface EnvoyFacts {
  readonly file: string;
  /** `1.40.0`; absent with `why`. */
  readonly version?: string;
  readonly why?: string;
  /** True where it was named, so that it must be there. */
  readonly named: boolean;
}

export interface InstallationFacts {
  readonly node: { readonly version: string; readonly wanted: string; readonly good: boolean };
  readonly envoy: EnvoyFacts;
}

export interface StoreFacts {
  readonly folder: string;
  readonly exists: boolean;
  /** Why it cannot be used, if it cannot. */
  readonly unusable?: string;
  /** The process that runs on it; 0 where it does not say which. Absent: none does. */
  readonly holder?: number;
  /** What others than the owner may read, or write, of it. */
  readonly open: readonly string[];
  /** `unread`: it is in use, or there is none yet. */
  readonly database:
    | { readonly kind: 'whole'; readonly revision: number }
    | { readonly kind: 'none' | 'unread' }
    | Damaged;
  /** Bytes; absent where they are not known. */
  readonly space?: { readonly free: number; readonly total: number };
  readonly backups?: BackupFacts;
}

interface Damaged {
  readonly kind: 'damaged';
  readonly damage: readonly string[];
  /** True where the copy beside it can be put in its place. */
  readonly copy: boolean;
}

export interface BackupFacts {
  readonly folder: string;
  /** The newest, if there is any. `at`: when it was made, in milliseconds since the epoch. */
  readonly newest?: { readonly file: string; readonly at: number; readonly why?: string };
}

export interface CertificateFacts {
  /** What they are of: `xDS`. */
  readonly of: string;
  /** What is wrong with the files, each with its remedy. Empty: they are good together. */
  readonly faults: readonly { readonly file: string; readonly why: string; readonly remedy: string }[];
  /** From when to when each is of use; milliseconds since the epoch. */
  readonly ends: readonly { readonly file: string; readonly from: number; readonly at: number }[];
  /** Why the certificate does not lead to an authority, if it does not. */
  readonly chain?: string;
  /** Private keys that others than the owner may read. */
  readonly open: readonly string[];
}

/** `ours`: the process that has the data directory listens there. */
export type PortState = 'free' | 'ours' | 'taken' | 'elsewhere' | 'forbidden';

export interface PortFacts {
  /** The flag that says it: `--xds`. */
  readonly flag: string;
  readonly host: string;
  readonly port: number;
  readonly state: PortState;
}

/** What the machine itself tells. Nothing of it is done before it is asked for. */
export interface Machine {
  settings(): SettingsFacts;
  installation(): Promise<InstallationFacts>;
  /** Policy files that others than their owner may write. */
  writable(files: readonly string[]): Promise<readonly string[]>;
  store(): Promise<StoreFacts>;
  /** None where all is in plain text. */
  certificates(): Promise<readonly CertificateFacts[]>;
  ports(holder: number | undefined): Promise<readonly PortFacts[]>;
}
