import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { shareStructure } from '../../../src/base/memo.ts';

const value = fc.jsonValue({ maxDepth: 4 });

describe('shareStructure', () => {
  it('gives what is equal to next', () => {
    fc.assert(
      fc.property(value, value, (previous, next) => {
        assert.deepEqual(shareStructure(previous, next), next);
      }),
    );
  });

  it('takes a key as data, whatever it is called', () => {
    const next = JSON.parse('{"__proto__":{"a":1},"b":1}');
    const shared = shareStructure({ b: 2 }, next);
    assert.deepEqual(Object.keys(shared), ['__proto__', 'b']);
    assert.equal(JSON.stringify(shared), JSON.stringify(next));
  });

  it('gives the previous object for an equal one', () => {
    fc.assert(fc.property(value, previous => Object.is(shareStructure(previous, structuredClone(previous)), previous)));
  });

  it('takes the first value as it is, so that its objects are met again', () => {
    const first = { services: { a: { weight: 1 }, b: { weight: 1 } } };
    assert.equal(shareStructure(undefined, first), first);
    const second = shareStructure(first, { services: { ...first.services, c: { weight: 1 } } });
    assert.equal(second.services.a, first.services.a);
  });

  it('keeps all but what differs, and what stands above it', () => {
    const first = { a: [{ x: 1 }, { x: 2 }], b: { c: { d: 1 }, e: { f: 1 } }, g: { h: 1 } };
    const next = structuredClone(first);
    next.b.e.f = 2;
    const shared = shareStructure(first, next);
    assert.deepEqual(shared, next);
    assert.notEqual(shared.b.e, first.b.e);
    assert.equal(shared.a, first.a);
    assert.equal(shared.b.c, first.b.c);
    assert.equal(shared.g, first.g);
  });

  it('forgets a key that is gone', () => {
    const first: Record<string, unknown> = { a: { x: 1 }, b: { x: 2 } };
    const shared = shareStructure(first, { a: { x: 1 } } as Record<string, unknown>);
    assert.deepEqual(shared, { a: { x: 1 } });
    assert.equal(shared.a, first.a);
  });
});
