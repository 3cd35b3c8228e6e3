import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEnvoy } from '../setup/envoy.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * The Envoy that tests, benchmarks and the demonstration start: `ENVOY_BIN`, else one on PATH that is new enough, else
 * the one that set-up fetched.
 *
 * @throws when there is none; the message says how to get one
 */
export function envoyBinary(): string {
  const found = findEnvoy(root, process.env);
  if (found === undefined) {
    throw new Error('There is no Envoy on this machine yet: run "node setup/run.mjs setup", or set ENVOY_BIN to one.');
  }
  return found;
}
