/** Mutual TLS with real Envoys, on the other transport. */
import '../support/on-http2.ts';
import './tls.test.ts';
