import type { TestContext } from 'node:test';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { Client, credentials } from '@grpc/grpc-js';
import type { ServerTls, TlsMaterial } from '../../src/base/server-tls.ts';
import { Fleet } from '../../src/fleet/fleet.ts';
import { RefusalLog } from '../../src/refusal-log.ts';
import { Board } from '../../src/snapshot/board.ts';
import type { XdsLimits } from '../../src/xds/limits.ts';
import { XdsService } from '../../src/xds/service.ts';
import { CertificateAuthority, type KeyPair } from './certificates.ts';
import { testXdsSettings } from './xds-transport.ts';

/** TLS of a server that a test changes as it likes. */
export class TestTls implements ServerTls {
  readonly minVersion: ServerTls['minVersion'];
  /** Address and words, as an operator reads them. */
  readonly refusals: string[] = [];
  readonly #listeners = new Set<() => void>();
  #material: TlsMaterial;

  constructor(material: TlsMaterial, minVersion: ServerTls['minVersion'] = 'TLSv1.3') {
    this.#material = material;
    this.minVersion = minVersion;
  }

  get material(): TlsMaterial {
    return this.#material;
  }

  set material(material: TlsMaterial) {
    this.#material = material;
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  refused(peer: string, error: Error): void {
    new RefusalLog(({ why }) => this.refusals.push(`${peer} ${why}`)).add(peer, error, 0);
  }
}

/** Names of the test servers. */
export const serverNames = ['localhost', '127.0.0.1'];

export interface SecureXds {
  readonly ca: CertificateAuthority;
  readonly tls: TestTls;
  readonly board: Board;
  readonly fleet: Fleet;
  readonly service: XdsService;
  readonly port: number;
  /** A connection of its own, with a certificate of the authority for these names. */
  client(names: readonly string[]): Client;
  /** … with this certificate, or none. */
  clientWith(pair: KeyPair | undefined, options?: SecureContextOptions): Client;
}

/** An xDS server that requires certificates of one authority. */
export async function serveSecureXds(
  t: TestContext,
  minVersion?: ServerTls['minVersion'],
  limits: Partial<XdsLimits> = {},
): Promise<SecureXds> {
  const ca = new CertificateAuthority();
  const { certificate, key } = ca.issue({ names: serverNames });
  const tls = new TestTls({ certificate, key, clientCa: ca.certificate }, minVersion);
  const [board, fleet] = [new Board(), new Fleet()];
  const settings = { ...testXdsSettings, port: 0, limits: { ...testXdsSettings.limits, ...limits } };
  const service = new XdsService(board, settings, event => fleet.apply(event), fleet);
  const port = await service.listen({ tls });
  const clients: Client[] = [];
  t.after(async () => {
    for (const client of clients) client.close();
    await service.close(AbortSignal.timeout(300));
  });
  const clientWith: SecureXds['clientWith'] = (pair, options = {}) => {
    const own = pair ? { cert: pair.certificate, key: pair.key } : {};
    const context = createSecureContext({ ca: ca.certificate, ...own, ...options });
    const client = new Client(`127.0.0.1:${port}`, credentials.createFromSecureContext(context), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.ssl_target_name_override': 'localhost',
    });
    clients.push(client);
    return client;
  };
  return { ca, tls, board, fleet, service, port, clientWith, client: names => clientWith(ca.issue({ names })) };
}
