import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { credentials, makeClientConstructor, Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { decode, encode } from '../../../proto/codec.ts';
import { serviceDefinition } from '../../../proto/services.ts';

const ADS = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

describe('serviceDefinition', () => {
  it('has the services a control plane speaks', () => {
    const methods: Readonly<Record<string, readonly string[]>> = {
      [ADS]: ['StreamAggregatedResources', 'DeltaAggregatedResources'],
      'envoy.service.cluster.v3.ClusterDiscoveryService': ['StreamClusters', 'DeltaClusters', 'FetchClusters'],
      'envoy.service.endpoint.v3.EndpointDiscoveryService': ['StreamEndpoints', 'DeltaEndpoints', 'FetchEndpoints'],
      'envoy.service.listener.v3.ListenerDiscoveryService': ['DeltaListeners', 'StreamListeners', 'FetchListeners'],
      'envoy.service.route.v3.RouteDiscoveryService': ['StreamRoutes', 'DeltaRoutes', 'FetchRoutes'],
      'envoy.service.route.v3.VirtualHostDiscoveryService': ['DeltaVirtualHosts'],
      'envoy.service.secret.v3.SecretDiscoveryService': ['DeltaSecrets', 'StreamSecrets', 'FetchSecrets'],
      'envoy.service.runtime.v3.RuntimeDiscoveryService': ['StreamRuntime', 'DeltaRuntime', 'FetchRuntime'],
      'envoy.service.extension.v3.ExtensionConfigDiscoveryService': [
        'StreamExtensionConfigs',
        'DeltaExtensionConfigs',
        'FetchExtensionConfigs',
      ],
      'envoy.service.status.v3.ClientStatusDiscoveryService': ['StreamClientStatus', 'FetchClientStatus'],
      'envoy.service.load_stats.v3.LoadReportingService': ['StreamLoadStats'],
      'envoy.service.health.v3.HealthDiscoveryService': ['StreamHealthCheck', 'FetchHealthCheck'],
      'xds.service.orca.v3.OpenRcaService': ['StreamCoreMetrics'],
      'grpc.health.v1.Health': ['Check', 'Watch'],
      'grpc.reflection.v1.ServerReflection': ['ServerReflectionInfo'],
      'grpc.reflection.v1alpha.ServerReflection': ['ServerReflectionInfo'],
    };
    for (const [service, names] of Object.entries(methods)) {
      assert.deepEqual(Object.keys(serviceDefinition(service)).sort(), [...names].sort(), service);
    }
  });

  it('knows no other', () => {
    assert.throws(() => serviceDefinition('envoy.service.discovery.v3.DiscoveryRequest'), /there is no service called/);
    assert.throws(() => serviceDefinition('constructor'), /there is no service called/);
  });

  it('passes bytes through a real call', async () => {
    const server = new Server();
    server.addService(serviceDefinition(ADS), {
      StreamAggregatedResources(call: ServerDuplexStream<Buffer, Buffer>) {
        call.on('data', (bytes: Buffer) => call.write(bytes));
        call.on('end', () => call.end());
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    const Client = makeClientConstructor(serviceDefinition(ADS), 'ads');
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    try {
      const type = 'envoy.service.discovery.v3.DiscoveryRequest';
      const request = { node: { id: 'edge-1' }, type_url: 'type.googleapis.com/envoy.config.cluster.v3.Cluster' };
      const call = client.StreamAggregatedResources?.();
      call.write(encode(type, request));
      const [answer] = await once(call, 'data');
      assert.ok(Buffer.isBuffer(answer));
      assert.deepEqual(decode(type, answer), request);
      call.end();
      await once(call, 'end');
    } finally {
      client.close();
      server.forceShutdown();
    }
  });
});
