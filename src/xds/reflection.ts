import { Buffer } from 'node:buffer';
import { decode, encode } from '../../proto/codec.ts';
import { extensionNumbers, fileDescriptor, fileOfExtension, fileOfSymbol } from '../../proto/files.ts';
import type { ServerReflectionRequest, ServerReflectionResponse } from '../../proto/gen/grpc.reflection.v1.ts';
import { delimited } from '../snapshot/wire.ts';
import type { Unary } from './fetch.ts';
import { eachField } from './wire.ts';

/** The gRPC services that tell tools what a server serves; their messages are alike. */
export const reflection: readonly string[] = [
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
];

/** Values of `ErrorResponse.error_code`. */
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;

/**
 * Answers the requests of one stream. That something is not found is an answer, and the stream goes on. A file comes with
 * all that it imports, except what this stream has been sent.
 *
 * Every file of the Envoy API can be asked for, not only those of the services, since messages of any may be in an `Any`.
 *
 * @param services full names of those that are served.
 */
export function reflectionAnswers(services: readonly string[]): (bytes: Uint8Array) => Unary<Buffer> {
  const sent = new Set<string>();
  return bytes => {
    let request: ServerReflectionRequest;
    try {
      request = decode('grpc.reflection.v1.ServerReflectionRequest', bytes);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: 'refused', code: 'INVALID_ARGUMENT', why: `the message is no ServerReflectionRequest: ${reason}` };
    }
    const head = response({ valid_host: request.host ?? '' });
    return { kind: 'answer', message: Buffer.concat([head, delimited(2, bytes), answerTo(request, services, sent)]) };
  };
}

function answerTo(request: ServerReflectionRequest, services: readonly string[], sent: Set<string>): Uint8Array {
  const { file_by_filename: name, file_containing_symbol: symbol, file_containing_extension: extension } = request;
  if (name !== undefined) return filesFrom(name, sent) ?? notFound(`file ${name}`);
  if (symbol !== undefined) return filesFrom(fileOfSymbol(symbol), sent) ?? notFound(`symbol ${symbol}`);
  if (extension) {
    const { containing_type: type = '', extension_number: number = 0 } = extension;
    return filesFrom(fileOfExtension(type, number), sent) ?? notFound(`extension ${number} of ${type}`);
  }
  const { all_extension_numbers_of_type: extended } = request;
  if (extended !== undefined) {
    const numbers = extensionNumbers(extended);
    if (!numbers) return notFound(`message ${extended}`);
    return response({ all_extension_numbers_response: { base_type_name: extended, extension_number: numbers } });
  }
  if (request.list_services === undefined) return failure(UNIMPLEMENTED, 'the request asks for nothing known here');
  return response({ list_services_response: { service: services.map(each => ({ name: each })) } });
}

/** The file that is asked for comes first, and always. What has been sent was sent with its imports. */
function filesFrom(name: string | undefined, sent: Set<string>): Uint8Array | undefined {
  const files: Uint8Array[] = [];
  const wanted = new Set(name === undefined ? [] : [name]);
  // Grows while it is gone through.
  for (const each of wanted) {
    const bytes = fileDescriptor(each);
    if (!bytes) continue;
    files.push(delimited(1, bytes));
    sent.add(each);
    for (const imported of importsOf(bytes)) if (!sent.has(imported)) wanted.add(imported);
  }
  return files.length > 0 ? delimited(4, ...files) : undefined;
}

/** `FileDescriptorProto.dependency`. */
function importsOf(descriptor: Uint8Array): readonly string[] {
  const imports: string[] = [];
  eachField(descriptor, (field, reader) => {
    if (field !== 3) return false;
    imports.push(reader.string());
    return true;
  });
  return imports;
}

function notFound(what: string): Uint8Array {
  return failure(NOT_FOUND, `there is no ${what}`);
}

function failure(code: number, why: string): Uint8Array {
  return response({ error_response: { error_code: code, error_message: why } });
}

/** Fields of the message, to be joined with others. */
function response(fields: ServerReflectionResponse): Uint8Array {
  return encode('grpc.reflection.v1.ServerReflectionResponse', fields);
}
