import type { RequestListener, Server } from 'node:http';
import { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';

/**
 * Bounds the connections on which nothing is being answered: beyond `most`, the one that has been silent for longest is
 * closed. Callers who open connections and say nothing, or say it byte by byte, thus crowd out only each other (P28); one
 * whose request is being worked on is never closed. With TLS, as many more may be in their handshakes.
 */
export function limitSilentConnections(server: Server | SecureServer, most: number): void {
  const silent = new Longest(most);
  if (server instanceof SecureServer) boundHandshakes(server, most);
  const event = server instanceof SecureServer ? 'secureConnection' : 'connection';
  server.on(event, (socket: Socket) => {
    // Once it was asked for, Node knows it also when the connection has ended.
    void socket.remoteAddress;
    socket.once('close', () => silent.delete(socket));
    silent.add(socket);
  });
  server.on('request', ({ socket }, response) => {
    silent.delete(socket);
    response.once('close', () => silent.add(socket));
  });
}

/** As many requests may wait behind one that is being answered, on its connection. */
const mostWaiting = 32;

/**
 * Answers the requests of a connection one after the other, with room for those of others in between, however many it sends
 * at once (P28). A connection on which more than `most` wait is closed, and what waits there is not done.
 */
export function inTurns(answer: RequestListener, most = mostWaiting): RequestListener {
  const lines = new WeakMap<Socket, (() => void)[]>();
  const next = (socket: Socket, line: (() => void)[]) => {
    const turn = line.shift();
    if (socket.destroyed || !turn) lines.delete(socket);
    else turn();
  };
  return (request, response) => {
    const { socket } = request;
    if (socket.destroyed) return;
    const line = lines.get(socket);
    if (line && line.length >= most) {
      socket.destroy();
      return;
    }
    const own = line ?? [];
    const turn = () => {
      response.once('close', () => setImmediate(next, socket, own));
      answer(request, response);
    };
    if (line) return void line.push(turn);
    lines.set(socket, own);
    turn();
  };
}

/** Node makes another socket of one whose handshake is done; both have the same other end. */
function boundHandshakes(server: SecureServer, most: number): void {
  const handshaking = new Longest(most);
  const byPeer = new Map<string, Socket>();
  const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    byPeer.set(peer, socket);
    socket.once('close', () => {
      handshaking.delete(socket);
      if (byPeer.get(peer) === socket) byPeer.delete(peer);
    });
    handshaking.add(socket);
  });
  server.on('secureConnection', (secured: Socket) => {
    const socket = byPeer.get(peerOf(secured));
    if (socket) handshaking.delete(socket);
  });
}

/** Sockets by how long they are among them; beyond a number the longest is closed. */
class Longest {
  readonly #most: number;
  // A set keeps the order in which they came.
  readonly #sockets = new Set<Socket>();

  constructor(most: number) {
    this.#most = most;
  }

  add(socket: Socket): void {
    if (socket.destroyed) return;
    this.#sockets.delete(socket);
    this.#sockets.add(socket);
    const [longest] = this.#sockets;
    if (this.#sockets.size > this.#most) longest?.destroy();
  }

  delete(socket: Socket): void {
    this.#sockets.delete(socket);
  }
}
