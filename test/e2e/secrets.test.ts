import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { get } from 'node:https';
import { after, before, describe, it } from 'node:test';
import { connect } from 'node:tls';
import { any } from '../../proto/codec.ts';
import type { RawResource } from '../../src/snapshot/raw.ts';
import { type KeyPair, selfSigned } from '../support/certificates.ts';
import { freePort } from '../support/ports.ts';
import { ads, answering, anyHost, inline, listener, raw } from '../support/raw-resources.ts';
import { RawWorld, variants } from '../support/raw-world.ts';
import { until } from '../support/until.ts';

function tlsListener(port: number, text: string): RawResource {
  return listener('tls', port, inline({ name: 'inline', virtual_hosts: [anyHost(answering(text))] }), {
    transport_socket: {
      name: 'tls',
      typed_config: any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
        common_tls_context: { tls_certificate_sds_secret_configs: [{ name: 'server', sds_config: ads }] },
      }),
    },
  });
}

function secret({ certificate, key }: KeyPair): RawResource {
  return raw('envoy.extensions.transport_sockets.tls.v3.Secret', 'server', {
    name: 'server',
    tls_certificate: { certificate_chain: { inline_string: certificate }, private_key: { inline_string: key } },
  });
}

/** The fingerprint of the certificate that a new connection is shown. It must be the one that is trusted. */
function shown(port: number, trusted: KeyPair): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: trusted.certificate }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

function askOver(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, servername: 'localhost', ca, agent: false }, async response => {
      resolve((await response.toArray()).join(''));
    }).on('error', reject);
  });
}

const fingerprint = (pair: KeyPair): string => new X509Certificate(pair.certificate).fingerprint256;

for (const variant of variants) {
  describe(`secrets on a real Envoy (${variant})`, { timeout: 60_000 }, () => {
    const [first, second] = [selfSigned('first'), selfSigned('second')];
    let world: RawWorld;
    let port = 0;

    before(async () => {
      port = await freePort();
      world = await RawWorld.start();
      world.publish(tlsListener(port, 'one'), secret(first));
      await world.envoy({ variant });
    });
    after(() => world?.[Symbol.asyncDispose]());

    it('R1: a certificate comes, and another takes its place', async () => {
      assert.equal(await shown(port, first), fingerprint(first));
      assert.equal(await askOver(port, first.certificate), 'one');
      world.publish(tlsListener(port, 'one'), secret(second));
      await until('the new one is shown', async () => (await shown(port, second)) === fingerprint(second));
      assert.equal(await askOver(port, second.certificate), 'one');
      await assert.rejects(shown(port, first), 'the old one is shown no more');
    });

    it('R30: a secret that is removed stays in use, until there is another', async () => {
      const sent = world.told('sent', 'SDS').length;
      world.publish(tlsListener(port, 'one'));
      if (variant === 'delta') await world.answered('SDS', sent);
      world.publish(tlsListener(port, 'two'));
      await until('the listener has changed', async () => (await askOver(port, second.certificate)) === 'two');
      assert.equal(await shown(port, second), fingerprint(second));
      world.publish(tlsListener(port, 'two'), secret(first));
      await until('another is shown', async () => (await shown(port, first)) === fingerprint(first));
    });
  });
}
