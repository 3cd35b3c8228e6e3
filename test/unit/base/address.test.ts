import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isLocal, isLoopback } from '../../../src/base/address.ts';

describe('what no other machine reaches', () => {
  it('is loopback, in each spelling', () => {
    for (const host of ['127.0.0.1', '127.255.3.4', '::1', '0:0:0:0:0:0:0:1', 'localhost', 'LocalHost']) {
      assert.ok(isLoopback(host), host);
    }
    for (const host of [
      '10.0.0.1',
      '0.0.0.0',
      '::',
      '::2',
      '127.0.0.1.example',
      '127.0.0.999',
      'localhost.example',
      '',
    ]) {
      assert.ok(!isLoopback(host), host);
    }
  });

  it('is a socket, or a port of it', () => {
    for (const text of ['127.0.0.1:80', '[::1]:80', 'localhost:80', 'unix:/run/app.sock'])
      assert.ok(isLocal(text), text);
    for (const text of ['10.0.0.1:80', '[::]:80', 'db.internal:80', '127.0.0.1', 'unix:app.sock', '']) {
      assert.ok(!isLocal(text), text);
    }
  });
});
