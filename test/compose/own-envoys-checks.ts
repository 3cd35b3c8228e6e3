import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ask } from '../../demo/requests.ts';
import { until } from '../support/until.ts';
import type { Project } from './compose.ts';

/** The control plane alone, and what the test adds to it. */
export interface OwnEnvoysStage {
  readonly project: Project;
  readonly network: string;
  /** Where the Envoy that we bring is published. */
  readonly port: number;
  readonly folder: string;
  readonly images: { readonly switchyard: string; readonly envoy: string };
}

/** A policy in TypeScript: the image must also run the thread that reads it. */
const policy = `import { definePolicy } from 'switchyard';

export default definePolicy({
  gateways: { public: { listeners: [{ port: 8000, protocol: 'http' }] } },
  routes: { all: { gateways: ['public'], hosts: ['*'], rules: [{ name: 'hello', respond: { status: 200, body: 'hello' } }] } },
  fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
});
`;

export function writeOwnPolicy(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'switchyard.ts'), policy);
}

/** An Envoy that compose knows nothing of joins by the bootstrap that the image writes, as the guide says. */
export async function ownEnvoyJoins(stage: OwnEnvoysStage): Promise<string> {
  const { project, network, port, folder, images } = stage;
  const out = path.join(folder, 'bootstrap');
  mkdirSync(out, { recursive: true });
  chmodSync(out, 0o777);
  const role = ['--only', 'envoy', '--role', 'edge', '--node', 'edge-1', '--cluster', 'edge'];
  await project.docker([
    ...['run', '--rm', '-v', `${out}:/out`, images.switchyard],
    ...['init', '/out', ...role, '--xds', 'control-plane:18000'],
  ]);
  const label = ['--label', `com.docker.compose.project=${project.name}`];
  const id = await project.docker([
    ...['run', '-d', ...label, '--network', network, '--read-only', '-p', `127.0.0.1:${port}:8000`],
    ...['-v', `${path.join(out, 'envoy-edge.yaml')}:/etc/envoy/envoy.yaml:ro`, images.envoy],
    ...['-c', '/etc/envoy/envoy.yaml', '--concurrency', '1', '--disable-hot-restart'],
  ]);
  try {
    await until(
      'it serves what the policy says',
      async () => {
        const answer = await ask(port, '/');
        return answer.status === 200 && answer.body['text'] === 'hello';
      },
      60_000,
    );
    const status = await project.compose(['exec', '-T', 'control-plane', 'switchyard', 'status']);
    assert.match(status, /^edge-1 +edge +synced +\d+\w +delta /m);
    return 'edge-1 is synced and answers, by a policy in TypeScript';
  } finally {
    await project.docker(['rm', '-f', '-v', id.trim()]);
  }
}
