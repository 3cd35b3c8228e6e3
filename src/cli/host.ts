import type { Problem } from '../base/problem.ts';
import type { FleetIr } from '../ir/ir.ts';
import type { PolicyDocument } from '../policy/document.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Certificates } from './certificates.ts';
import type { CheckFlags, Machine } from './machine.ts';

/** What the commands need of the program around them; `cli-host.ts` at the root gives it. */
export interface CliHost {
  readonly version: string;
  /** What runs this command again: a program and its arguments, absolute. */
  readonly program: readonly string[];
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** True where a person looks at `out`, so that it may be redrawn in place. */
  readonly terminal: boolean;
  /** True where they want colours, too. */
  readonly colours: boolean;
  /** The size of that terminal, in characters; undefined where it is not known. */
  screen(): Screen | undefined;
  /** Shows a line where a person looks at `err`, in place of the one before; empty: none. Absent where nobody looks. */
  readonly progress?: (line: string) => void;
  /** Asks the person who is there, and gives the answer. Absent where nobody can answer. */
  readonly ask?: (question: string) => Promise<string>;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Ends what runs until told otherwise: Ctrl-C, or nobody reads `out` any more. */
  readonly signal: AbortSignal;
  /** Runs the control plane until it is told to end. @throws CliFailure when it cannot start. */
  serve(flags: ServeFlags): Promise<void>;
  /** Reads policy from a file or a folder, once. What cannot be read is a problem. */
  readDocuments(
    path: string,
  ): Promise<{ readonly documents: readonly PolicyDocument[]; readonly problems: readonly Problem[] }>;
  /** What a proxy would reject of what fleets are to hold, with the path of what the user wrote. */
  preflight(policy: Policy, fleets: readonly FleetIr[]): Promise<readonly Problem[]>;
  /**
   * What an Envoy binary says of a whole configuration: nothing when it takes it. Binds no port.
   * @throws CliFailure when there is no such binary, or it does not answer.
   */
  envoyRefusal(binary: string, config: object): Promise<string | undefined>;
  /** Puts a backup into a data directory that no server runs on. @throws CliFailure when it is none, or one does. */
  restoreStopped(folder: string, backup: Uint8Array, reason: string): Promise<void>;
  /** The machine that the command runs on. */
  machine(flags: CheckFlags): Promise<Machine>;
  /** Certificates of this machine, and their making. */
  certificates(): Promise<Certificates>;
  /** Where the admin API is and what it wants; flags win over the environment, that over defaults. */
  adminTarget(flags: AdminFlags): AdminTarget;
}

export interface Screen {
  readonly rows: number;
  readonly columns: number;
}

export interface AdminTarget {
  /** `http://127.0.0.1:18080`, `https://cp.internal:18080` or `unix:/run/switchyard.sock`. */
  readonly url: string;
  /** Calls it, at a path. Absent: by `fetch`. */
  readonly send?: Send;
  /** Undefined when none was given and none stands in the data directory. */
  readonly token: string | undefined;
  readonly dataFolder: string;
}

/** Calls a server at a path. Rejects as `fetch` does. */
export type Send = (path: string, init: SendInit) => Promise<Response>;

export interface SendInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal;
}

/** Flags of `serve`, as given. */
export interface ServeFlags {
  readonly policy?: string;
  readonly data?: string;
  readonly xds?: string;
  readonly xdsRest?: string;
  readonly xdsCert?: string;
  readonly xdsKey?: string;
  readonly xdsClientCa?: string;
  readonly xdsClientCrl?: string;
  readonly xdsTlsMin?: string;
  readonly xdsLimit?: readonly string[];
  readonly xdsTransport?: string;
  readonly admin?: string;
  readonly adminCert?: string;
  readonly adminKey?: string;
  readonly adminClientCa?: string;
  readonly adminTlsMin?: string;
  readonly adminSocketMode?: string;
  readonly adminHost?: readonly string[];
  readonly lingerLimit?: string;
  readonly keepRevisions?: string;
  readonly keepRevisionsFor?: string;
  readonly keepPublications?: string;
  readonly goodAfter?: string;
  readonly nameServer?: readonly string[];
  readonly insecureXds?: boolean;
  readonly insecureAdmin?: boolean;
  readonly logLevel?: string;
  readonly logFormat?: string;
  readonly otel?: string;
}

/** Flags of every command that talks to a running server. */
export interface AdminFlags {
  readonly admin?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly data?: string;
  readonly token?: string;
}
