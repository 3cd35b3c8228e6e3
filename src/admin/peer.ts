import type { Context } from 'hono';

/** Where a request comes from: an address, or the socket of this machine. */
export function peerOf({ env }: Context): string {
  const socket = (env as { readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } } } | undefined)
    ?.incoming?.socket;
  return socket ? (socket.remoteAddress ?? 'unix socket') : 'nowhere';
}
