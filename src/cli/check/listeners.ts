import type { PortFacts } from '../machine.ts';
import { error, type Finding, ok, warning } from './finding.ts';

/** A port that the policy has Envoys listen on. */
export interface DeclaredPort {
  /** `listener gateway/public/80 of fleet edge`. */
  readonly what: string;
  readonly address: string;
  readonly port: number;
}

export function listenerFindings(ports: readonly PortFacts[], declared: readonly DeclaredPort[]): readonly Finding[] {
  return [...ports.map(portFinding), ...amongThemselves(ports), ...withEnvoys(ports, declared)];
}

function portFinding({ flag, host, port, state }: PortFacts): Finding {
  const id = 'listeners.port';
  const at = addressText(host, port);
  switch (state) {
    case 'free':
      return ok(id, `${flag} ${at} is free`);
    case 'ours':
      return ok(id, `${flag} ${at} is where the server listens`);
    case 'taken':
      return error(
        id,
        `${flag} ${at} is in use by another process`,
        `"ss -ltnp 'sport = :${port}'" shows by which: end it, or choose another with ${flag}`,
      );
    case 'elsewhere':
      return error(
        id,
        `${flag} ${at} is no address of this machine`,
        `choose one that "ip address" shows, with ${flag}`,
      );
    case 'forbidden':
      return error(id, `this user may not listen on ${flag} ${at}`, `choose a port above 1023 with ${flag}`);
  }
}

function amongThemselves(ports: readonly PortFacts[]): readonly Finding[] {
  return ports.flatMap((one, index) =>
    ports.slice(index + 1).flatMap(other => {
      if (one.port === 0 || one.port !== other.port || !meet(one.host, other.host)) return [];
      const message = `${one.flag} and ${other.flag} are both on port ${one.port}`;
      return [error('listeners.conflict', message, `choose another port for ${other.flag}`)];
    }),
  );
}

/** Only where an Envoy runs on this machine, too: then it cannot have the port. */
function withEnvoys(ports: readonly PortFacts[], declared: readonly DeclaredPort[]): readonly Finding[] {
  const clashes = ports.flatMap(({ flag, host, port }) =>
    declared.flatMap(each => {
      if (port === 0 || each.port !== port || !meet(each.address, host)) return [];
      const message = `${each.what} has port ${port}, as ${flag} has: an Envoy on this machine cannot listen there`;
      return [warning('listeners.conflict', message, 'choose another port for one of them')];
    }),
  );
  if (clashes.length > 0 || declared.length === 0) return clashes;
  return [ok('listeners.conflict', 'no listener of the policy is in the way of the server')];
}

const anywhere = (host: string) => host === '0.0.0.0' || host === '::';
const meet = (one: string, other: string) => one === other || anywhere(one) || anywhere(other);
const addressText = (host: string, port: number) => `${host.includes(':') ? `[${host}]` : host}:${port}`;
