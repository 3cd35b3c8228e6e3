import type { MethodDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { readTable } from './tables.ts';

/** A gRPC service whose messages are bytes: what the wire has goes to the caller, and back, without being looked at. */
export type ByteService = Readonly<Record<string, MethodDefinition<Buffer, Buffer>>>;

type PackageDefinition = ReturnType<typeof fromJSON>;
type AnyDefinition = PackageDefinition[string];
type LoadedService = Extract<AnyDefinition, Readonly<Record<string, { readonly path: string }>>>;

let loaded: PackageDefinition | undefined;
const services = new Map<string, ByteService>();

/**
 * A service of the Envoy API by its full name, such as `envoy.service.discovery.v3.AggregatedDiscoveryService`, for
 * `Server.addService` and for clients. Its methods have their names as in the API. Throws when there is no such service.
 */
export function serviceDefinition(name: string): ByteService {
  let service = services.get(name);
  if (!service) {
    loaded ??= fromJSON(readTable<Parameters<typeof fromJSON>[0]>('services.json'));
    const definition = Object.hasOwn(loaded, name) ? loaded[name] : undefined;
    if (definition === undefined || !isService(definition)) throw new Error(`there is no service called ${name}`);
    service = Object.fromEntries(Object.entries(definition).map(([method, found]) => [method, passBytes(found)]));
    services.set(name, service);
  }
  return service;
}

function passBytes(method: LoadedService[string]): MethodDefinition<Buffer, Buffer> {
  return {
    path: method.path,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    requestSerialize: unchanged,
    requestDeserialize: unchanged,
    responseSerialize: unchanged,
    responseDeserialize: unchanged,
    ...(method.originalName !== undefined && { originalName: method.originalName }),
  };
}

function isService(definition: AnyDefinition): definition is LoadedService {
  return !('format' in definition);
}

function unchanged(bytes: Buffer): Buffer {
  return bytes;
}
