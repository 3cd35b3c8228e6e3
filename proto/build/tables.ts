import type { DescriptorTable, FieldRow, ScalarType } from '../descriptors.ts';
import type { ApiModel, FieldModel, ServiceModel } from './model.ts';

/** The table that the codec runs on. */
export function descriptorTable(model: ApiModel): DescriptorTable {
  return {
    messages: Object.fromEntries(model.messages.map(message => [message.name, message.fields.map(row)])),
    enums: Object.fromEntries(model.enums.map(({ name, values }) => [name, values])),
  };
}

function row(field: FieldModel): FieldRow {
  const { number, name, type, label } = field;
  if (field.keyType !== undefined) return [number, name, type, label, null, field.keyType as ScalarType];
  if (field.oneof !== undefined) return [number, name, type, label, field.oneof];
  return label === 'one' ? [number, name, type] : [number, name, type, label];
}

/** A package, service or message in protobufjs' JSON form of descriptors. */
export interface JsonNode {
  nested?: Record<string, JsonNode>;
  readonly fields?: Readonly<Record<string, never>>;
  readonly methods?: Readonly<Record<string, JsonMethod>>;
}

interface JsonMethod {
  readonly requestType: string;
  readonly responseType: string;
  readonly requestStream?: true;
  readonly responseStream?: true;
  readonly options?: Readonly<Record<string, string>>;
}

/** Every service. Its messages are empty stubs, since what travels through gRPC here is bytes. */
export function serviceDescriptor(services: readonly ServiceModel[]): JsonNode {
  const root: JsonNode = {};
  for (const service of services) {
    place(root, service.name, {
      methods: Object.fromEntries(service.methods.map(method => [method.name, jsonMethod(method)])),
    });
    for (const { request, response } of service.methods) {
      place(root, request, { fields: {} });
      place(root, response, { fields: {} });
    }
  }
  return root;
}

function jsonMethod(method: ServiceModel['methods'][number]): JsonMethod {
  return {
    requestType: `.${method.request}`,
    ...(method.requestStream && { requestStream: true }),
    responseType: `.${method.response}`,
    ...(method.responseStream && { responseStream: true }),
    ...(method.post !== undefined && { options: { '(google.api.http).post': method.post } }),
  };
}

function place(root: JsonNode, fullName: string, what: JsonNode): void {
  const path = fullName.split('.');
  const last = path.pop() ?? '';
  let at = root;
  for (const part of path) {
    at.nested ??= {};
    at = at.nested[part] ??= {};
  }
  at.nested ??= {};
  at.nested[last] = what;
}
