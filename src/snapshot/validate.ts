import type { Resource } from '../base/resource.ts';
import { messageCheck, type Violation } from './message-checks.ts';

export type { Violation } from './message-checks.ts';

/**
 * What a proxy would reject the resource for, by the field rules that Envoy itself checks before it takes anything
 * (R42), extensions in `typed_config` included. Empty when nothing is wrong.
 *
 * Envoy checks more than its field rules; what it rejects after that comes back as a NACK.
 */
export function findViolations(resource: Resource): readonly Violation[] {
  return messageCheck(resource.type)(resource.message);
}
