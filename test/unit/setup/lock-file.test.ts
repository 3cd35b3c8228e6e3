import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { completeLock } from '../../../setup/lock-file.mjs';

const lock = JSON.parse(readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8'));

test('the lock names the packages of every platform, else no other machine could install by it', () => {
  assert.deepEqual(completeLock(structuredClone(lock)), []);
});

test('the lock names no registry', () => {
  assert.equal(JSON.stringify(lock).includes('"resolved"'), false);
});

test('a platform package that npm left out is added for its machine only', () => {
  const optionalDependencies = {
    '@x/cli-linux-x64': '1.0.0',
    '@x/cli-linux-arm64-musl': '1.0.0',
    '@x/win32-x64': '1.0.0',
    other: '1.0.0',
  };
  const packages = {
    'node_modules/@x/cli': { optionalDependencies },
    'node_modules/@x/cli-linux-x64': { version: '1.0.0', integrity: 'y' },
  };
  const made = { packages: { ...packages } };
  assert.deepEqual(completeLock(made), ['@x/cli-linux-arm64-musl', '@x/win32-x64']);
  assert.deepEqual(made.packages, {
    ...packages,
    'node_modules/@x/cli-linux-arm64-musl': {
      version: '1.0.0',
      cpu: ['arm64'],
      os: ['linux'],
      libc: ['musl'],
      dev: true,
      optional: true,
    },
    'node_modules/@x/win32-x64': { version: '1.0.0', cpu: ['x64'], os: ['win32'], dev: true, optional: true },
  });
});
