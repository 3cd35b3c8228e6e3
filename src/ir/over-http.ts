import type { Service } from '../policy/service.ts';

/** Whether a service is sent requests, which can be routed, tried again and answered a page; not connections or datagrams. */
export function overHttp({ protocol }: Pick<Service, 'protocol'>): boolean {
  return protocol !== 'tcp' && protocol !== 'udp';
}
