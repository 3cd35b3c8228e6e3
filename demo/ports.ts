import { createServer } from 'node:net';

/** Every port of the demonstration, by what listens there. */
const defaults = {
  xds: 18000,
  admin: 18080,
  edgeDelta: 10000,
  edgeSotw: 10001,
  edgeDeltaAdmin: 9901,
  edgeSotwAdmin: 9902,
  catalogSidecarAdmin: 9903,
  checkoutSidecarAdmin: 9904,
  catalogOutbound: 15001,
  checkoutOutbound: 15002,
  catalogInbound: 15011,
  checkoutInbound: 15012,
  catalogOne: 18101,
  catalogTwo: 18102,
  catalogThree: 18103,
  checkout: 18104,
} as const;

export type Ports = Readonly<Record<keyof typeof defaults, number>>;

/** All ports, moved by `offset`. */
export function demoPorts(offset: number): Ports {
  return Object.fromEntries(Object.entries(defaults).map(([name, port]) => [name, port + offset])) as Ports;
}

const knownPorts: ReadonlySet<number> = new Set(Object.values(defaults));

/** The policy with its ports moved by `offset`. */
export function movePorts(policy: string, offset: number): string {
  return policy.replaceAll(/(:\s?)(\d{4,5})\b/g, (text, before: string, port: string) =>
    knownPorts.has(Number(port)) ? `${before}${Number(port) + offset}` : text,
  );
}

/** Those that something else already listens on. */
export async function takenPorts(ports: Ports): Promise<readonly string[]> {
  const checks = Object.entries(ports).map(async ([name, port]) =>
    (await isFree(port)) ? undefined : `${port} (${name})`,
  );
  return (await Promise.all(checks)).filter(each => each !== undefined);
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
