import { constants, type Http2Session, type ServerHttp2Stream } from 'node:http2';

/** What both transports do at the end of a stream of HTTP/2. */

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
