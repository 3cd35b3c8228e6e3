/** Certificates as files have them, and their making: what `cert` needs of the program around it. */

export interface CertificateFault {
  readonly why: string;
  readonly remedy: string;
}

/** A moment and another, in milliseconds since the epoch. */
interface Lasting {
  readonly from: number;
  readonly to: number;
}

export interface CertificateFacts extends Lasting {
  readonly subject: string;
  readonly issuer: string;
  readonly hosts: readonly string[];
  readonly ips: readonly string[];
  readonly uris: readonly string[];
  /** It may sign others. */
  readonly authority: boolean;
  /** What it says that it is for, as object identifiers; empty: for everything. */
  readonly usages: readonly string[];
  /** Of its own key: `EC P-256`, `RSA 2048`. */
  readonly key: string;
  /** Hexadecimal. */
  readonly serial: string;
  /** SHA-256. */
  readonly fingerprint: string;
  /** The file, of those that were read, that has the authority which signed it; its own where it is its own authority. */
  readonly signedBy?: string;
  /** The file that has an authority of its issuer's name, where none of that name has signed it. */
  readonly disowned?: string;
}

export interface KeyFacts {
  readonly kind: string;
  /** Files whose certificates are of this key. */
  readonly of: readonly string[];
  /** Others than its owner may read it. */
  readonly open: boolean;
}

/** What a file has of certificates, keys and lists of what is revoked. */
export interface PemFacts {
  readonly file: string;
  readonly certificates: readonly CertificateFacts[];
  readonly keys: readonly KeyFacts[];
  /** `to` is infinite where a list does not say when the next one is due. */
  readonly lists: readonly Lasting[];
  readonly faults: readonly CertificateFault[];
}

/** A certificate that is to be made, of a new key. */
export interface CertificateOrder extends Lasting {
  /** Common name: at most 64 letters, digits, blanks and some signs, as {@link commonName} has it. */
  readonly name: string;
  readonly hosts: readonly string[];
  readonly ips: readonly string[];
  readonly uris: readonly string[];
  readonly server: boolean;
  readonly client: boolean;
}

/** Texts of PEM. The key is never to be printed. */
export interface CertificatePair {
  /** The certificate, then those that lead from it to its authority, which is not among them. */
  readonly certificate: string;
  readonly key: string;
}

/** Who signs. */
export interface Signer {
  /** Until when its own certificate, and those that lead to its authority, hold; milliseconds since the epoch. */
  readonly until: number;
  sign(order: CertificateOrder): Promise<CertificatePair>;
}

export interface Certificates {
  /** What files have, and what servers at addresses, HOST:PORT, show; what cannot be read or reached is a fault. */
  examine(places: readonly string[]): Promise<readonly PemFacts[]>;
  /** The files that `serve` takes by its environment. @throws CliFailure for mistakes in that. */
  ofServer(): readonly string[];
  /** A new authority, which has signed itself. */
  makeAuthority(order: Lasting & { readonly name: string }): Promise<CertificatePair>;
  /** The authority in a file of its certificate and one of its key. @throws CliFailure with file and remedy. */
  signer(certificate: string, key: string, now: number): Promise<Signer>;
}
