import { type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http';
import { request as secureRequest } from 'node:https';
import { Readable } from 'node:stream';
import type { Send } from './cli/host.ts';

/** A server, and how a caller and it know each other. */
export interface Reached {
  /** `http://127.0.0.1:18080`, `https://cp.internal:18080` or `unix:/run/switchyard.sock`. */
  readonly url: string;
  /** PEM: authorities of the server's certificate, in place of those of the system. */
  readonly ca?: string;
  /** PEM: the caller's own certificate and key. */
  readonly cert?: string;
  readonly key?: string;
}

/** Calls a server, as `fetch` does, which itself knows neither sockets nor other authorities. */
export function reach({ url, ...trust }: Reached): Send {
  const socketPath = /^unix:(.+)$/.exec(url)?.[1];
  if (socketPath === undefined && Object.keys(trust).length === 0) return (path, init) => fetch(`${url}${path}`, init);
  const place = socketPath === undefined ? placeOf(url) : { socketPath, host: 'localhost' };
  const request = url.startsWith('https:') ? secureRequest : plainRequest;
  return (path, { method = 'GET', headers = {}, body, signal }) =>
    new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const options: RequestOptions = {
        ...place,
        ...trust,
        path,
        method,
        headers: { ...headers, ...length },
        // A connection for each call: nothing is left open at the end.
        agent: false,
        ...(signal && { signal }),
      };
      request(options, message => resolve(responseOf(message)))
        .once('error', reject)
        .end(body);
    });
}

function placeOf(url: string): RequestOptions {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), ...(port !== '' && { port }) };
}

function responseOf(message: IncomingMessage): Response {
  const { statusCode: status = 0, headers } = message;
  const given = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((each): [string, string] => [name, each]),
  );
  const empty = status === 204 || status === 304;
  if (empty) message.resume();
  return new Response(empty ? null : (Readable.toWeb(message) as ReadableStream), { status, headers: given });
}
