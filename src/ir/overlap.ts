import { isIP } from 'node:net';
import { canonicalIp } from '../base/address.ts';

/** What a listener takes of a machine. */
export interface Binding {
  /** IP address; `0.0.0.0` and `::` take the port of every address of their family. */
  readonly address: string;
  readonly port: number;
  /** Ports of UDP are others than those of TCP; absent: TCP. */
  readonly protocol?: string;
}

/** True if the kernel would refuse the second of two sockets. Envoy's `::` takes IPv6 alone. */
export function bindingsOverlap(a: Binding, b: Binding): boolean {
  if ((a.protocol === 'udp') !== (b.protocol === 'udp')) return false;
  if (a.port !== b.port || isIP(a.address) !== isIP(b.address)) return false;
  const first = canonicalIp(a.address);
  const second = canonicalIp(b.address);
  return first === second || isEveryAddress(first) || isEveryAddress(second);
}

/** The first overlapping pair, as indices in order. */
export function overlappingPairs(bindings: readonly Binding[]): readonly (readonly [number, number])[] {
  const byPort = Map.groupBy(bindings.keys(), index => bindings[index]?.port);
  return [...byPort.values()].flatMap(indices =>
    indices.flatMap((second, place) => {
      const first = indices.slice(0, place).find(index => {
        const [a, b] = [bindings[index], bindings[second]];
        return a && b && bindingsOverlap(a, b);
      });
      return first === undefined ? [] : [[first, second] as const];
    }),
  );
}

/** `10.0.0.1:80`, `[::1]:80`. */
export function formatBinding({ address, port }: Binding): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function isEveryAddress(canonical: string): boolean {
  return canonical === '0.0.0.0' || canonical === '::';
}
