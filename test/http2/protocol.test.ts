/** What tests of the protocol say of servers over sockets, on the other transport. */
import '../support/on-http2.ts';
import '../protocol/service.test.ts';
import '../protocol/streams.test.ts';
import '../protocol/limits.test.ts';
import '../protocol/status.test.ts';
import '../protocol/health.test.ts';
import '../protocol/reflection.test.ts';
import '../protocol/client-status.test.ts';
import '../protocol/fetch.test.ts';
import '../protocol/tls.test.ts';
import '../protocol/identity.test.ts';
import '../protocol/subscription.test.ts';
import '../protocol/acknowledgement.test.ts';
import '../protocol/per-type.test.ts';
