import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { envoyBinary } from '../../envoy/binary.ts';
import type { Resource } from '../../src/base/resource.ts';
import { bundle } from '../../src/snapshot/bundle.ts';
import { bootstrap } from '../../src/translate/bootstrap.ts';

/** A bootstrap that nothing is ever started with. */
const base = bootstrap({
  node: { id: 'validate', cluster: 'validate' },
  xds: ['127.0.0.1:18000'],
  variant: 'delta',
  streams: 'ads',
  admin: '127.0.0.1:9901',
  maxHeapBytes: 1024 ** 3,
  maxConnections: 1000,
});

/**
 * What a real Envoy says of a fleet's resources, as one static configuration: undefined when it takes them, else the
 * end of its log, or the warnings about deprecated and unknown fields. Binds no port. Some seconds at most.
 */
export async function envoyRefusal(resources: readonly Resource[]): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'switchyard-validate-'));
  try {
    const file = join(folder, 'envoy.json');
    await writeFile(file, JSON.stringify(bundle(resources, base)));
    return await envoyRefusalOfFile(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same of a configuration file, JSON or YAML by its ending. */
export function envoyRefusalOfFile(file: string): Promise<string | undefined> {
  return new Promise(resolve => {
    const args = ['--mode', 'validate', '--config-path', file, '--log-level', 'warning'];
    execFile(envoyBinary(), args, { timeout: 60_000 }, (error, stdout, stderr) => {
      const log = `${stdout}${stderr}`.trim();
      const suspicious = /deprecated|unknown field|Using deprecated/i.test(log);
      resolve(error || suspicious ? `${error?.message ?? ''}\n${log.slice(-2000)}` : undefined);
    });
  });
}
