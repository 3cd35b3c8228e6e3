import assert from 'node:assert/strict';
import {
  type ExampleName,
  examplePolicy,
  localAddress,
  type Machine,
  machines,
  onOneMachine,
  portsIn,
} from '../../examples/local.ts';
import type { OverrideWriteReply } from '../../src/admin/api.ts';
import { parseAddress } from '../../src/base/address.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import type { Backend } from './backend.ts';
import { type Answer, type Ask, ask, askMany } from './client.ts';
import { freePort } from './ports.ts';
import type { Counts } from './statistics.ts';
import { startTcpBackend, type TcpBackend } from './tcp.ts';
import { until } from './until.ts';
import { type Proxy as EdgeOrSidecar, World } from './world.ts';

/** An example of `examples/`, run on this machine with real Envoys and an application at each of its endpoints. */
export class Example implements AsyncDisposable {
  readonly world = new World();
  readonly policy: PolicyInput;
  /** By the IP address that the policy of the example writes, which is their name too; further ones there by `IP:PORT`. */
  readonly backends = new Map<string, Backend>();
  readonly tcp = new Map<string, TcpBackend>();
  readonly #machines: readonly Machine[];
  readonly #ports: ReadonlyMap<number, number>;

  private constructor(policy: PolicyInput, all: readonly Machine[], ports: ReadonlyMap<number, number>) {
    this.policy = policy;
    this.#machines = all;
    this.#ports = ports;
  }

  /** Starts everything, and waits until every Envoy has the policy in use. `edit`: a change to the policy. */
  static async start(name: ExampleName, edit = (policy: PolicyInput) => policy): Promise<Example> {
    const declared = await examplePolicy(name);
    const ports = new Map<number, number>();
    for (const port of portsIn(declared)) ports.set(port, await freePort());
    const policy = edit(onOneMachine(declared, machines[name], port => ports.get(port) ?? port));
    const example = new Example(policy, machines[name], ports);
    await example.#startApplications();
    const proxies = machines[name].map(({ id, cluster, ...more }: Machine) => ({ id, cluster, ...zoneOf(more) }));
    await example.world.start(policy, proxies);
    return example;
  }

  async #startApplications(): Promise<void> {
    for (const { protocol = 'http', endpoints = [] } of Object.values(this.policy.services ?? {})) {
      for (const { address, inbound } of endpoints) {
        const dialled = parseAddress(inbound?.application ?? address);
        assert.ok(dialled?.kind === 'ip', address);
        const ip = dialled.ip.replace(/^127\./, '10.');
        const [declared] = [...this.#ports].find(([, own]) => own === dialled.port) ?? [];
        const first = this.backends.get(ip);
        const name = first && first.port !== dialled.port ? `${ip}:${declared}` : ip;
        if (protocol === 'tcp')
          this.tcp.set(name, this.world.use(await startTcpBackend(name, dialled.ip, dialled.port)));
        else if (!this.backends.has(name)) {
          this.backends.set(name, await this.world.backend({ name, on: dialled.ip, port: dialled.port }));
        }
      }
    }
  }

  /** The application on a machine. */
  backend(ip: string): Backend {
    const found = this.backends.get(ip);
    assert.ok(found, `the example has no endpoint ${ip}`);
    return found;
  }

  /** Ends an application, and waits until the Envoys know that their connections are gone; whether it is healthy, they do not. */
  async dies(ip: string): Promise<void> {
    const backend = this.backend(ip);
    await backend.die();
    for (const envoy of this.world.envoys) {
      await until(`${envoy.id} has no connection to ${ip}`, async () => {
        const open = new RegExp(`::${backend.address}::cx_active::[1-9]`);
        return !open.test(await envoy.admin('/clusters'));
      });
    }
  }

  envoy(id: string): EdgeOrSidecar {
    const found = this.world.envoys.find(each => each.id === id);
    assert.ok(found, `the example has no Envoy ${id}`);
    return found;
  }

  /** The free port that stands for one of the example. */
  port(declared: number): number {
    return this.#ports.get(declared) ?? declared;
  }

  /** A request to port 8000 of an Envoy, or another one. */
  ask(path = '/', { edge = 'edge-1', port = 8000, ...options }: Ask & AskExample = {}): Promise<Answer> {
    const machine = this.#machines.find(each => each.id === edge);
    assert.ok(machine, `the example has no Envoy ${edge}`);
    return ask(this.port(port), path, { to: localAddress(machine.address), ...options });
  }

  /** Who answers many requests. */
  answers(count: number, path = '/', options: Ask & AskExample = {}): Promise<Counts> {
    return askMany(count, () => this.ask(path, options));
  }

  /** `switchyard canary weights`, which answers when every Envoy has them. */
  async shift(rule: string, weights: Readonly<Record<string, number>>): Promise<void> {
    const [route, name] = rule.split('/');
    const url = `/api/v1/routes/${route}/rules/${name}/weights?wait=acked`;
    const { status, body } = await this.world.plane.api<OverrideWriteReply>('PUT', url, weights);
    assert.equal(status, 200, JSON.stringify(body));
  }

  /** `switchyard canary weights --end`. */
  async endShift(rule: string): Promise<void> {
    const [route, name] = rule.split('/');
    const url = `/api/v1/routes/${route}/rules/${name}/weights?wait=acked`;
    const { status, body } = await this.world.plane.api('DELETE', url);
    assert.equal(status, 200, JSON.stringify(body));
  }

  /** Waits until an Envoy finds so many endpoints of a cluster healthy. */
  async healthy(cluster: string, count: number, edge = 'edge-1'): Promise<void> {
    const found = () => this.envoy(edge).stat(`cluster.${cluster}.membership_healthy`);
    await until(`${edge} finds ${count} of ${cluster} healthy`, async () => (await found()) === count, 30_000);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.world.close();
  }
}

export interface AskExample {
  /** Node id of the Envoy. */
  readonly edge?: string;
  /** As the example declares it. */
  readonly port?: number;
}

const zoneOf = ({ zone }: Pick<Machine, 'zone'>) => (zone === undefined ? {} : { zone });
