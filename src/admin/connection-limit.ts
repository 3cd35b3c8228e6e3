import type { Server } from 'node:http';
import { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';

/**
 * Bounds the connections on which nothing is being answered: beyond `most`, the one that has been silent for longest is
 * closed. Callers who open connections and say nothing, or say it byte by byte, thus crowd out only each other (P28); one
 * whose request is being worked on is never closed. With TLS, a connection counts once its handshake is done.
 */
export function limitSilentConnections(server: Server | SecureServer, most: number): void {
  // A set keeps the order in which sockets fell silent.
  const silent = new Set<Socket>();
  const quiet = (socket: Socket) => {
    if (socket.destroyed) return;
    silent.delete(socket);
    silent.add(socket);
    const [longest] = silent;
    if (silent.size > most) longest?.destroy();
  };
  const event = server instanceof SecureServer ? 'secureConnection' : 'connection';
  server.on(event, (socket: Socket) => {
    socket.once('close', () => silent.delete(socket));
    quiet(socket);
  });
  server.on('request', ({ socket }, response) => {
    silent.delete(socket);
    response.once('close', () => quiet(socket));
  });
}
