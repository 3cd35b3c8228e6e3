import { constants, type Http2Session, type ServerHttp2Stream } from 'node:http2';
import { framed } from './frame.ts';
import type { Message } from './rpc.ts';

/** What both transports do with a stream of HTTP/2. */

/**
 * Writes a message of gRPC. `done` is called when its bytes have left, or never will, then with the reason. A long response is
 * not copied.
 */
export function writeMessage(http: ServerHttp2Stream, message: Message, done: (error?: Error | null) => void): void {
  const [first, second] = 'frame' in message ? message.frame.framed(message.nonce) : [framed([message])];
  if (!second) {
    http.write(first, done);
    return;
  }
  http.cork();
  http.write(first);
  http.write(second, done);
  http.uncork();
}

/** Ends it at once, with what is on its way. */
export function breakOff(http: ServerHttp2Stream): void {
  if (!http.destroyed) http.close(constants.NGHTTP2_CANCEL);
}

/** Lets a client that would say more know that nobody listens, once the status is on its way: Node waits a turn with it. */
export function leave(http: ServerHttp2Stream): void {
  setImmediate(() => {
    if (!http.destroyed && !http.endAfterHeaders && !http.readableEnded) http.close(constants.NGHTTP2_NO_ERROR);
  });
}

/** Why a stream of this connection has ended, as far as the other side goes. */
export function endOn(session: Pick<Http2Session, 'destroyed'> | undefined): string {
  return session?.destroyed === true ? 'the connection ended' : 'the stream ended';
}
