import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import protobuf from 'protobufjs';
import { mergeOverlay } from '../../../proto/build/overlay.ts';
import { buildProtos } from '../../../proto/build.ts';
import { isMessageName } from '../../../proto/codec.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'switchyard-proto-'));
after(() => rmSync(folder, { recursive: true, force: true }));

describe('the build of proto/gen', () => {
  const first = path.join(folder, 'first');
  const second = path.join(folder, 'second');

  it('gives the same bytes each time', () => {
    assert.equal(buildProtos(first, false).kind, 'built');
    assert.equal(buildProtos(second, true).kind, 'built');
    assert.ok(readdirSync(first).length > 250);
    assert.equal(hashOf(first), hashOf(second));
  });

  it('does nothing when nothing has changed, and mends what has', () => {
    const before = hashOf(first);
    assert.equal(buildProtos(first, false).kind, 'fresh');
    rmSync(path.join(first, 'rules.json'));
    assert.equal(buildProtos(first, false).kind, 'built');
    writeFileSync(path.join(first, 'envoy.gone.v3.ts'), 'export type Gone = string;\n');
    assert.equal(buildProtos(first, true).kind, 'built');
    assert.equal(hashOf(first), before);
  });

  it('has the messages of a file whose imports were read for the first time', () => {
    for (const name of ['envoy.admin.v3.Certificates', 'envoy.config.core.v3.KeyValueAppend']) {
      assert.ok(isMessageName(name), name);
    }
  });
});

describe('the overlay', () => {
  const base = `syntax = "proto3"; package demo; enum Level { LOW = 0; HIGH = 1; }
    message Outer { message Inner { string a = 1; } oneof choice { string x = 1; } Level level = 2; }`;
  const merged = (overlay: string): protobuf.Root => {
    const root = protobuf.parse(base, new protobuf.Root(), { keepCase: true }).root;
    const extra = protobuf.parse(`syntax = "proto3"; package demo; ${overlay}`, new protobuf.Root(), {
      keepCase: true,
    }).root;
    mergeOverlay(root, extra, 'demo.proto');
    root.resolveAll();
    return root;
  };

  it('adds fields, oneof members, nested types, enum values and messages', () => {
    const root = merged(`enum Level { LOW = 0; TOP = 2; } message New { Outer.Inner inner = 1; }
      message Outer { oneof choice { New y = 3; } repeated int32 n = 4; message Inner { Level b = 2; message Deep {} } }`);
    const outer = root.lookupType('demo.Outer');
    assert.deepEqual(outer.oneofs.choice?.oneof, ['x', 'y']);
    assert.equal(outer.fields.y?.resolvedType?.fullName, '.demo.New');
    assert.equal(outer.fields.n?.packed, true);
    assert.deepEqual(root.lookupEnum('demo.Level').values, { LOW: 0, HIGH: 1, TOP: 2 });
    assert.equal(root.lookupType('demo.Outer.Inner').fields.b?.id, 2);
    assert.ok(root.lookupType('demo.Outer.Inner.Deep'));
  });

  it('may not repeat what exists', () => {
    const clash = /overlay demo\.proto: demo\.\S+ exists already\. Take it out of the overlay\./;
    assert.throws(() => merged('message Outer { Level level = 2; }'), clash);
    assert.throws(() => merged('message Outer { string other = 2; }'), clash);
    assert.throws(() => merged('enum Level { LOW = 0; HIGH = 1; }'), clash);
    assert.throws(() => merged('message Level {}'), clash);
  });
});

function hashOf(directory: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(directory).sort()) hash.update(name).update(readFileSync(path.join(directory, name)));
  return hash.digest('hex');
}
