import { memo1 } from '../base/memo.ts';
import type { Service } from '../policy/service.ts';
import type { ActionIr } from './ir.ts';

/** What of forwarding follows from the services alone that a rule sends to. */
export function forwardingTo(
  services: readonly Service[],
): Pick<Extract<ActionIr, { readonly kind: 'forward' }>, 'webSockets' | 'behindSidecars'> {
  return {
    webSockets: services.every(each => each.protocol === 'http'),
    behindSidecars: services.some(standsBehindSidecars),
  };
}

const standsBehindSidecars = memo1((service: Service) => service.endpoints.some(each => each.inbound !== undefined));
