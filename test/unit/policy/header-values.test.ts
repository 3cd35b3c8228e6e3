import assert from 'node:assert/strict';
import { it } from 'node:test';
import { headerValues } from '../../../src/policy/header-values.ts';

it('headers that say where a message goes and ends cannot be written', () => {
  for (const name of ['Host', ':path', 'Content-Length', 'transfer-encoding']) {
    assert.ok(!headerValues.safeParse({ [name]: '5' }).success, name);
  }
  assert.ok(headerValues.safeParse({ 'x-content-length': '5', 'content-type': 'text/plain' }).success);
});
