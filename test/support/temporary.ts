import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let root: string | undefined;

/** A directory of its own for a test, removed when the test process ends. */
export function temporaryDirectory(): string {
  if (root === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'switchyard-test-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    root = made;
  }
  return mkdtempSync(join(root, 'd-'));
}
