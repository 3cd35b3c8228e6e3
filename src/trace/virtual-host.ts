import type { RouteConfiguration, VirtualHost } from '../../proto/gen/envoy.config.route.v3.ts';

/** The virtual host that a request comes to, and the domain of it that says so. */
export interface HostChoice {
  readonly host: VirtualHost;
  readonly domain: string;
}

/**
 * Envoy's choice: a domain that equals the host, else the longest `*.suffix` that fits, else the longest `prefix.*`,
 * else `*`. Without regard to letters and, as our tables ask, to the port.
 */
export function virtualHostFor(table: RouteConfiguration, authority: string): HostChoice | undefined {
  const name = (table.ignore_port_in_host_matching ? withoutPort(authority) : authority).toLowerCase();
  const fitting = (table.virtual_hosts ?? []).flatMap(host =>
    (host.domains ?? []).filter(domain => fits(domain.toLowerCase(), name)).map(domain => ({ host, domain })),
  );
  return fitting.toSorted((a, b) => rank(b.domain) - rank(a.domain) || b.domain.length - a.domain.length)[0];
}

/** A wildcard stands for at least one letter. */
function fits(domain: string, name: string): boolean {
  if (domain === '*' || domain === name) return true;
  if (name.length < domain.length) return false;
  if (domain.startsWith('*')) return name.endsWith(domain.slice(1));
  return domain.endsWith('*') && name.startsWith(domain.slice(0, -1));
}

function rank(domain: string): number {
  if (domain === '*') return 0;
  if (domain.endsWith('*')) return 1;
  return domain.startsWith('*') ? 2 : 3;
}

function withoutPort(authority: string): string {
  return authority.replace(/:\d+$/, '');
}
