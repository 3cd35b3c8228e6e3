import type { PolicyInput } from './kinds.ts';

/**
 * Gives a policy that is written in TypeScript its types: keys are completed and checked while you type.
 *
 * The value is returned as it is. It is read by the same schema as YAML and JSON when it is loaded, so that it is held
 * to the same rules and reports the same problems.
 *
 * @example
 * ```ts
 * import { definePolicy } from 'switchyard';
 *
 * export default definePolicy({
 *   services: { catalog: { endpoints: [{ address: '10.0.0.11:8080' }] } },
 *   gateways: { public: { listeners: [{ port: 80, protocol: 'http' }] } },
 *   routes: { shop: { gateways: ['public'], rules: [{ to: [{ service: 'catalog' }] }] } },
 *   fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
 * });
 * ```
 */
export function definePolicy(input: PolicyInput): PolicyInput {
  return input;
}
