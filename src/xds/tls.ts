import { constants } from 'node:crypto';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import {
  createServer,
  type SecureContextOptions,
  type Server as SecureServer,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls';
import type { ServerTls } from '../base/server-tls.ts';
import type { CertifiedNames } from '../snapshot/board.ts';
import { certifiedNames } from './certified-names.ts';

/** Milliseconds that a client may take to prove itself. */
const HANDSHAKE = 5_000;

/** Those of TLS 1.2 with forward secrecy and authenticated encryption; all of TLS 1.3 has both. */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

function contextOptions({ material, minVersion }: ServerTls): SecureContextOptions {
  return {
    cert: material.certificate,
    key: material.key,
    // Without any, Node would trust those of the system.
    ca: material.clientCa ?? [],
    ...(material.clientCrl !== undefined && { crl: material.clientCrl }),
    minVersion,
    ciphers,
    // Every connection is verified anew: a session that went on would outlive the authority that vouched for it.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  };
}

/**
 * Options of a server that requires a certificate of every client (P22, P30).
 *
 * @param clients `unasked` for a server that knows its callers by other means
 */
export function tlsOptions(
  tls: ServerTls,
  protocol: 'h2' | 'http/1.1',
  clients: 'required' | 'unasked' = 'required',
): TlsOptions {
  return {
    ...contextOptions(tls),
    requestCert: clients === 'required',
    rejectUnauthorized: clients === 'required',
    handshakeTimeout: HANDSHAKE,
    ALPNProtocols: [protocol],
  };
}

/** Lets new connections of the server have what the files hold by then, and says whom it did not let in. */
export function followTls(server: SecureServer | Server, tls: ServerTls): void {
  const end = tls.onChange(() => server.setSecureContext(contextOptions(tls)));
  server.once('close', end);
  // Once it was asked for, Node knows it also when the connection has ended.
  server.on('connection', (socket: Socket) => void socket.remoteAddress);
  server.on('tlsClientError', (error, socket) => {
    // Of a certificate that was not verified, Node says here only that the connection was broken off.
    const why: Error | string | undefined = socket.authorizationError;
    tls.refused(peerOf(socket), why ? new Error(String(why), { cause: error }) : error);
    socket.destroy();
  });
}

/** A server that hands on only connections of clients with a verified certificate that speak HTTP/2. */
export function secureListener(tls: ServerTls, accept: (socket: TLSSocket) => void): SecureServer {
  const server = createServer({ ...tlsOptions(tls, 'h2'), noDelay: true }, socket => {
    const fault = faultOf(socket);
    if (fault === undefined) {
      rememberCertificate(socket);
      accept(socket);
      return;
    }
    tls.refused(peerOf(socket), new Error(fault));
    socket.on('error', () => {});
    socket.destroy();
  });
  followTls(server, tls);
  return server;
}

/** The IP address. */
function peerOf(socket: TLSSocket): string {
  const { _parent: below } = socket as { readonly _parent?: Socket };
  return socket.remoteAddress ?? below?.remoteAddress ?? 'a client that has gone';
}

/** Node's options promise all of it but the first; should they ever not, nobody is let in. */
function faultOf(socket: TLSSocket): string | undefined {
  if (socket.alpnProtocol !== 'h2') return 'the client does not speak HTTP/2 (ALPN h2)';
  if (!socket.authorized) return 'the certificate of the client was not verified';
  return socket.isSessionReused() ? 'the client was not asked for its certificate' : undefined;
}

/** Each stream asks for it, and Node would read the whole certificate each time. */
function rememberCertificate(socket: TLSSocket): void {
  const certificate = socket.getPeerCertificate(true);
  socket.getPeerCertificate = () => certificate;
}

/** Whom the certificate names that a connection was made with, if it was verified. */
export function namesOf(socket: Pick<TLSSocket, 'authorized' | 'getPeerCertificate'>): CertifiedNames | undefined {
  return socket.authorized ? certifiedNames(socket.getPeerCertificate()) : undefined;
}
