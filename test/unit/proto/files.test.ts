import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import protobuf from 'protobufjs';
import descriptor, { type IFileDescriptorProto } from 'protobufjs/ext/descriptor/index.js';
import { fileTable } from '../../../proto/build/file-table.ts';
import { loadProtos, packageFolder } from '../../../proto/build/load.ts';
import { descriptors } from '../../../proto/descriptors.ts';
import {
  extensionNumbers,
  type FileTable,
  fileDescriptor,
  fileOfExtension,
  fileOfSymbol,
} from '../../../proto/files.ts';
import { readTable } from '../../../proto/tables.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { oracleRoot } from './oracle.ts';

/** What `proto` becomes as the one file of an API, with an overlay of its own. */
function built(proto: string, overlay: string): Record<string, unknown> {
  const folder = temporaryDirectory();
  const name = 'envoy/demo/v3/demo.proto';
  for (const [root, text] of [
    ['api', proto],
    ['overlay', overlay],
  ] as const) {
    mkdirSync(path.join(folder, root, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(folder, root, name), text);
  }
  const loaded = loadProtos({
    roots: [path.join(folder, 'api')],
    overlay: path.join(folder, 'overlay'),
    wellKnown: packageFolder('protobufjs'),
  });
  const bytes = fileTable(loaded).files.find(([each]) => each === name)?.[1];
  const type = loaded.root.lookupType('google.protobuf.FileDescriptorProto');
  return type.toObject(type.decode(Buffer.from(bytes!, 'base64')), { enums: String });
}

function allFiles(): readonly IFileDescriptorProto[] {
  const { files } = readTable<FileTable>('files.json');
  return files.map(([, base64]) => decodeFile(Buffer.from(base64, 'base64')));
}

/** protobufjs does not declare it. */
function rootOf(file: readonly IFileDescriptorProto[]): protobuf.Root {
  const from = protobuf.Root as unknown as { fromDescriptor(set: object): protobuf.Root };
  return from.fromDescriptor({ file });
}

function decodeFile(bytes: Uint8Array): IFileDescriptorProto {
  return descriptor.FileDescriptorProto.decode(bytes) as IFileDescriptorProto;
}

describe('the descriptor of a file', () => {
  it('has what protoc would have made of the file and its overlay', () => {
    const file = built(
      `syntax = "proto2"; package envoy.demo.v3;
      import public "google/protobuf/any.proto";
      import "google/protobuf/descriptor.proto";
      extend google.protobuf.FieldOptions { repeated int32 marks = 50001; optional Inner inner = 50002; }
      message Inner { repeated string names = 1; extensions 100 to max; reserved 5, 7 to 9; reserved "gone"; }
      message Outer {
        option deprecated = true;
        oneof choice { string a = 1; Kind kind = 2; }
        map<string, google.protobuf.Any> any_by_name = 3;
        required bool sure = 4 [default = true, deprecated = true];
        optional int64 marked = 5 [(marks) = 1, (marks) = 2, (inner) = { names: "one" }];
        enum Kind { option allow_alias = true; NONE = 0; NIL = 0 [deprecated = true]; reserved 4 to 5; }
      }
      service Talk { rpc Say(Inner) returns (stream Outer) { option deprecated = true; } }`.replaceAll(
        /\((marks|inner)\)/g,
        '(envoy.demo.v3.$1)',
      ),
      `syntax = "proto2"; package envoy.demo.v3; import "google/protobuf/duration.proto";
      message Outer { oneof choice { google.protobuf.Duration wait = 9; } }`,
    );
    const optional = 'LABEL_OPTIONAL';
    const options = '.google.protobuf.FieldOptions';
    const any = '.google.protobuf.Any';
    assert.deepEqual(file, {
      name: 'envoy/demo/v3/demo.proto',
      package: 'envoy.demo.v3',
      dependency: ['google/protobuf/any.proto', 'google/protobuf/descriptor.proto', 'google/protobuf/duration.proto'],
      public_dependency: [0],
      syntax: 'proto2',
      extension: [
        { name: 'marks', number: 50001, label: 'LABEL_REPEATED', type: 'TYPE_INT32', extendee: options },
        {
          name: 'inner',
          number: 50002,
          label: optional,
          type: 'TYPE_MESSAGE',
          type_name: '.envoy.demo.v3.Inner',
          extendee: options,
        },
      ],
      message_type: [
        {
          name: 'Inner',
          field: [{ name: 'names', number: 1, label: 'LABEL_REPEATED', type: 'TYPE_STRING' }],
          extension_range: [{ start: 100, end: 536870912 }],
          reserved_range: [
            { start: 5, end: 6 },
            { start: 7, end: 10 },
          ],
          reserved_name: ['gone'],
        },
        {
          name: 'Outer',
          field: [
            { name: 'a', number: 1, label: optional, type: 'TYPE_STRING', oneof_index: 0 },
            {
              name: 'kind',
              number: 2,
              label: optional,
              type: 'TYPE_ENUM',
              type_name: '.envoy.demo.v3.Outer.Kind',
              oneof_index: 0,
            },
            {
              name: 'wait',
              number: 9,
              label: optional,
              type: 'TYPE_MESSAGE',
              type_name: '.google.protobuf.Duration',
              oneof_index: 0,
            },
            {
              name: 'any_by_name',
              number: 3,
              label: 'LABEL_REPEATED',
              type: 'TYPE_MESSAGE',
              type_name: '.envoy.demo.v3.Outer.AnyByNameEntry',
            },
            {
              name: 'sure',
              number: 4,
              label: 'LABEL_REQUIRED',
              type: 'TYPE_BOOL',
              default_value: 'true',
              options: { deprecated: true },
            },
            {
              name: 'marked',
              number: 5,
              label: optional,
              type: 'TYPE_INT64',
              options: { '.envoy.demo.v3.marks': [1, 2], '.envoy.demo.v3.inner': { names: ['one'] } },
            },
          ],
          nested_type: [
            {
              name: 'AnyByNameEntry',
              field: [
                { name: 'key', number: 1, label: optional, type: 'TYPE_STRING' },
                { name: 'value', number: 2, label: optional, type: 'TYPE_MESSAGE', type_name: any },
              ],
              options: { map_entry: true },
            },
          ],
          enum_type: [
            {
              name: 'Kind',
              value: [
                { name: 'NONE', number: 0 },
                { name: 'NIL', number: 0, options: { deprecated: true } },
              ],
              reserved_range: [{ start: 4, end: 5 }],
              options: { allow_alias: true },
            },
          ],
          oneof_decl: [{ name: 'choice' }],
          options: { deprecated: true },
        },
      ],
      service: [
        {
          name: 'Talk',
          method: [
            {
              name: 'Say',
              input_type: '.envoy.demo.v3.Inner',
              output_type: '.envoy.demo.v3.Outer',
              server_streaming: true,
              options: { deprecated: true },
            },
          ],
        },
      ],
    });
  });

  it('has an optional field as a oneof of its own, after the written ones', () => {
    const proto = `syntax = "proto3"; package envoy.demo.v3; import "google/protobuf/descriptor.proto";
      message Demo { optional string first = 1; oneof second { string third = 2; } }`;
    const [demo] = built(proto, 'syntax = "proto3"; package envoy.demo.v3;').message_type as [object];
    const label = { label: 'LABEL_OPTIONAL', type: 'TYPE_STRING' };
    assert.deepEqual(demo, {
      name: 'Demo',
      field: [
        { name: 'first', number: 1, ...label, oneof_index: 1, proto3_optional: true },
        { name: 'third', number: 2, ...label, oneof_index: 0 },
      ],
      oneof_decl: [{ name: 'second' }, { name: '_first' }],
    });
  });

  it('with an option that nothing declares stops the build', () => {
    const proto = `syntax = "proto3"; package envoy.demo.v3; import "google/protobuf/descriptor.proto";
      message Demo { string a = 1 [(no.such) = 1]; }`;
    assert.throws(() => built(proto, 'syntax = "proto3";'), /Demo\.a: \(no\.such\) is no option of FieldOptions/);
  });
});

describe('the files of the API', () => {
  it('import what they use, and never in a circle', () => {
    const files = new Map(allFiles().map(each => [each.name!, each]));
    const done = new Set<string>();
    const visit = (name: string, above: readonly string[]): void => {
      assert.ok(!above.includes(name), [...above, name].join(' → '));
      if (done.has(name)) return;
      const file = files.get(name);
      assert.ok(file, `${name} is missing`);
      for (const each of file.dependency as string[]) visit(each, [...above, name]);
      done.add(name);
      const visible = visibleFrom(file, files);
      for (const type of typesIn(file)) {
        // The entries of maps have no symbol of their own.
        const home = fileOfSymbol(type.slice(1)) ?? fileOfSymbol(type.slice(1, type.lastIndexOf('.')));
        assert.ok(home !== undefined && visible.has(home), `${name} uses ${type} without importing ${home}`);
      }
    };
    for (const name of files.keys()) visit(name, []);
    assert.ok(done.size > 400);
  });

  it('have every message with every field that the codec knows', () => {
    const root = rootOf(allFiles());
    for (const [name, rows] of Object.entries(descriptors().messages)) {
      const { fields } = root.lookupType(name);
      const known = rows.map(([number, field]) => [number, snake(name, field)]);
      assert.deepEqual(
        Object.values(fields)
          .map(field => [field.id, field.name])
          .sort(([a], [b]) => Number(a) - Number(b)),
        known,
        name,
      );
    }
  });

  it('keep the validation rules', () => {
    const type = oracleRoot().lookupType('google.protobuf.FileDescriptorProto');
    const file = type.toObject(type.decode(fileDescriptor('envoy/config/cluster/v3/cluster.proto')!));
    const cluster = file.message_type.find((each: { name: string }) => each.name === 'Cluster');
    const field = cluster.field.find((each: { name: string }) => each.name === 'name');
    assert.equal(Number(field.options['.validate.rules'].string.min_len), 1);
  });

  it('are found by every kind of symbol', () => {
    const cluster = 'envoy/config/cluster/v3/cluster.proto';
    for (const [symbol, file] of Object.entries({
      'envoy.config.cluster.v3.Cluster': cluster,
      'envoy.config.cluster.v3.Cluster.name': cluster,
      'envoy.config.cluster.v3.Cluster.cluster_discovery_type': cluster,
      'envoy.config.cluster.v3.Cluster.DiscoveryType': cluster,
      'envoy.config.cluster.v3.Cluster.STRICT_DNS': cluster,
      'envoy.config.cluster.v3.Cluster.RingHashLbConfig.HashFunction': cluster,
      'envoy.config.cluster.v3.Cluster.RingHashLbConfig.minimum_ring_size': cluster,
      'envoy.config.core.v3.RoutingPriority': 'envoy/config/core/v3/base.proto',
      'envoy.config.core.v3.HIGH': 'envoy/config/core/v3/base.proto',
      'envoy.service.cluster.v3.ClusterDiscoveryService': 'envoy/service/cluster/v3/cds.proto',
      'envoy.service.cluster.v3.ClusterDiscoveryService.DeltaClusters': 'envoy/service/cluster/v3/cds.proto',
      'google.protobuf.Value.null_value': 'google/protobuf/struct.proto',
      'validate.rules': 'validate/validate.proto',
    })) {
      assert.equal(fileOfSymbol(symbol), file, symbol);
    }
    for (const symbol of ['', '.', 'Cluster', 'envoy.config.cluster.v3', 'constructor', '__proto__.x', 'validate.0']) {
      assert.equal(fileOfSymbol(symbol), undefined, symbol);
    }
  });

  it('are found by extension', () => {
    assert.equal(fileOfExtension('google.protobuf.FieldOptions', 1071), 'validate/validate.proto');
    assert.equal(fileOfExtension('google.protobuf.FieldOptions', 1), undefined);
    assert.equal(fileOfExtension('constructor', 1), undefined);
    assert.ok(extensionNumbers('google.protobuf.FieldOptions')?.includes(1071));
    assert.deepEqual(extensionNumbers('envoy.config.cluster.v3.Cluster'), []);
    assert.equal(extensionNumbers('no.Such'), undefined);
  });
});

/** The codec has the fields of this one message by their JSON names. */
function snake(message: string, name: string): string {
  return message === 'google.protobuf.Value' ? name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`) : name;
}

/** The file, what it imports, and what these pass on. */
function visibleFrom(
  file: IFileDescriptorProto,
  files: ReadonlyMap<string, IFileDescriptorProto>,
): ReadonlySet<string> {
  const seen = new Set([file.name!, ...(file.dependency as string[])]);
  for (const name of seen) {
    if (name === file.name) continue;
    const { dependency = [], publicDependency = [] } = files.get(name) ?? {};
    for (const at of publicDependency) seen.add(dependency[at]);
  }
  return seen;
}

/** Full names, each with a leading dot. */
function typesIn(value: unknown): readonly string[] {
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === 'string' && ['typeName', 'inputType', 'outputType', 'extendee'].includes(key)
      ? [inner]
      : typesIn(inner),
  );
}
