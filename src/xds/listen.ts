/** Says what to do when an address cannot be had. */
export function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const remedies: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another process listens there; end it or choose another address',
    EADDRNOTAVAIL: 'this machine has no such address; choose another',
    EACCES: 'this user may not listen there; choose a port from 1024',
  };
  const remedy = remedies[error.code ?? ''] ?? error.message;
  return new Error(`cannot listen for xDS on ${host}:${port}: ${remedy}`, { cause: error });
}

export function abort(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
}
