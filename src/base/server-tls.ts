/** What a server proves itself with and whom it lets in, as texts of PEM. Never to be printed. */
export interface TlsMaterial {
  /** Its certificate, and those that lead from it to the authority. */
  readonly certificate: string;
  readonly key: string;
  /** The authorities whose certificates clients may have. Absent: no authority is trusted. */
  readonly clientCa?: string;
  /** Lists of the client certificates that these authorities have revoked: one of each, or nobody of it is let in. */
  readonly clientCrl?: string;
}

/** TLS of a server. */
export interface ServerTls {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** For connections from now on. */
  readonly material: TlsMaterial;
  /** `listener` is called when there is other material, and must not throw. @returns how to end it. */
  onChange(listener: () => void): () => void;
  /** Is told of a client that was not let in. Must not throw. */
  refused(peer: string, error: Error): void;
}
