import { z } from 'zod';
import { EndpointState } from '../../policy/endpoint.ts';
import { duration } from '../../policy/field.ts';
import { authored, flag, operation, writeQuery } from './operation.ts';
import { instantText, type Readable, type Reply } from './reply.ts';
import { writeReply } from './writes.ts';

const Weights = z.record(z.string(), z.number());

export const OverrideReply = z
  .object({
    kind: z.enum(['shift', 'endpoint', 'maintenance']).describe('What is overridden.'),
    target: z
      .string()
      .describe(
        '`routes/shop/rules/everyone`, `services/catalog/endpoints/10.0.0.1:8080`, or `services/catalog` in maintenance.',
      ),
    effect: z.enum(['active', 'suspended']).describe('A suspended one waits for what it is about to come back.'),
    why: z.string().describe('Why it is suspended.').optional(),
    by: z.string().describe('Who made it.'),
    since: instantText('When.'),
    reason: z.string().describe('Why.').optional(),
    sessionsUntil: instantText('When the sessions with an endpoint that drains end, or ended.').optional(),
    expiresAt: instantText('When it ends by itself.').optional(),
    weights: Weights.describe('Of a shift: destination → weight.').optional(),
    weight: z.number().describe('Of an endpoint.').optional(),
    state: z.string().describe('Of an endpoint, or `maintenance`.').optional(),
  })
  .meta({ id: 'Override', description: 'What an operator has set over the policy.' });
export type OverrideReply = Reply<typeof OverrideReply>;

const OverrideWriteReply = writeReply({
  override: OverrideReply.optional().describe(
    'Absent after a delete, and where it is about all endpoints of a service.',
  ),
  endpoints: z
    .array(z.string())
    .describe("Addresses of all endpoints that a write of a service's endpoints was about.")
    .optional(),
  overrides: z.array(OverrideReply).describe('How they are overridden now.').optional(),
}).meta({ id: 'OverrideWrite', description: 'Answer to a write of an override.' });
export type OverrideWriteReply = Reply<typeof OverrideWriteReply>;

/** What all writes of overrides have in common. */
const write = {
  headers: authored.headers,
  query: writeQuery,
  answers: { 200: OverrideWriteReply, 202: OverrideWriteReply },
} as const;

const ruleParams = { route: 'Name of the route.', rule: 'Name of the rule.' };

const WeightsBody = z
  .record(z.string().max(130), z.int().min(0).max(1_000_000))
  .meta({ description: 'Destination of the rule, such as `catalog@v1`, → weight; all of them, and not all 0.' });
export type WeightsBody = Reply<typeof WeightsBody>;

const WeightsReply = z
  .object({
    declared: Weights.describe('Destination → weight of the policy.'),
    effective: Weights.describe('Destination → weight that holds.'),
    override: OverrideReply.nullable().describe('What shifts it.'),
    sticky: z.boolean().describe('Callers stay with a destination that has a weight; the weights are for the others.'),
    hashed: z
      .boolean()
      .describe(
        'They do so by a hash of what they send: the weights are for all, and only as many move as a change is about.',
      ),
  })
  .meta({ id: 'Weights', description: 'Weights of a rule.' });
export type WeightsReply = Reply<typeof WeightsReply>;

export const readWeights = operation({
  id: 'readWeights',
  method: 'get',
  path: '/api/v1/routes/{route}/rules/{rule}/weights',
  family: 'Traffic',
  summary: "A rule's declared and effective weights",
  params: ruleParams,
  answers: { 200: WeightsReply },
  errors: { 404: 'There is no such rule, or it does not send to services.' },
});

export const shiftTraffic = operation({
  ...write,
  id: 'shiftTraffic',
  method: 'put',
  path: '/api/v1/routes/{route}/rules/{rule}/weights',
  family: 'Traffic',
  summary: 'Shifts traffic',
  doc: "When the policy changes the rule's destinations, the shift is suspended until they come back.",
  params: ruleParams,
  body: WeightsBody,
  example: { 'catalog@v1': 90, 'catalog@v2': 10 },
  errors: { 404: 'There is no such route or rule.' },
});

export const endShift = operation({
  ...write,
  id: 'endShift',
  method: 'delete',
  path: '/api/v1/routes/{route}/rules/{rule}/weights',
  family: 'Traffic',
  summary: 'Ends the shift',
  params: ruleParams,
  errors: { 404: 'Nothing overrides the rule.' },
});

const ends = {
  expiresIn: duration({ min: 1000 })
    .optional()
    .describe('It ends by itself after this time, at least `1s`, e.g. `10m`.'),
  sessionsFor: duration({ min: 1000 })
    .optional()
    .describe(
      'With `draining`: after this time, at least `1s` and less than `expiresIn`, the state becomes `disabled`, which ends the sessions with the endpoint.',
    ),
};
const state = EndpointState.describe(
  '`active`; `draining`: no new requests but those of sessions, those under way are finished; `disabled`: Envoys are no longer told of it.',
);

const EndpointBody = z
  .strictObject({
    weight: z.int().min(1).max(1000).optional().describe('In place of the declared one.'),
    state: state.optional(),
    ...ends,
  })
  .refine(given => given.weight !== undefined || given.state !== undefined, 'needs weight or state')
  .meta({ id: 'EndpointChange', description: 'At least one of `weight` and `state`.' });
export type EndpointBody = Readable<z.input<typeof EndpointBody>>;

const EndpointsBody = z
  .strictObject({ state, ...ends })
  .meta({ id: 'EndpointsChange', description: 'For every endpoint of a service.' });
export type EndpointsBody = Readable<z.input<typeof EndpointsBody>>;

const forced = {
  ...writeQuery,
  force: flag('Even if it leaves a service or version without a usable endpoint.'),
};
const refused = 'It would leave a service or version without a usable endpoint, and `force` is not given.';
const endpointParams = {
  service: 'Name of the service.',
  address: 'As declared, percent-encoded: `10.0.0.11%3A8080`.',
};
const serviceParams = { service: 'Name of the service.' };

export const overrideEndpoint = operation({
  ...write,
  id: 'overrideEndpoint',
  method: 'patch',
  path: '/api/v1/services/{service}/endpoints/{address}',
  slashes: true,
  family: 'Endpoints',
  summary: 'Drains, disables or reweights an endpoint',
  params: endpointParams,
  query: forced,
  body: EndpointBody,
  example: { state: 'draining', expiresIn: '30m' },
  errors: { 404: 'There is no such service or endpoint.', 409: refused },
});

export const endEndpointOverride = operation({
  ...write,
  id: 'endEndpointOverride',
  method: 'delete',
  path: '/api/v1/services/{service}/endpoints/{address}',
  slashes: true,
  family: 'Endpoints',
  summary: 'Ends what overrides an endpoint',
  params: endpointParams,
  errors: { 404: 'Nothing overrides it.' },
});

export const overrideEndpoints = operation({
  ...write,
  id: 'overrideEndpoints',
  method: 'patch',
  path: '/api/v1/services/{service}/endpoints',
  family: 'Endpoints',
  summary: 'Drains or disables all endpoints of a service',
  doc: 'All or nothing. Endpoints that come into the policy later have no override.',
  params: serviceParams,
  query: forced,
  body: EndpointsBody,
  example: { state: 'draining' },
  errors: { 404: 'There is no such service.', 409: refused },
});

export const endEndpointOverrides = operation({
  ...write,
  id: 'endEndpointOverrides',
  method: 'delete',
  path: '/api/v1/services/{service}/endpoints',
  family: 'Endpoints',
  summary: 'Ends whatever overrides any endpoint of a service',
  params: serviceParams,
  errors: { 404: 'Nothing overrides any.' },
});

const MaintenanceBody = z
  .strictObject({
    expiresIn: duration({ min: 1000 })
      .optional()
      .describe('It ends by itself after this time, at least `1s`, e.g. `30m`.'),
  })
  .meta({ id: 'MaintenanceChange', description: 'How long a page stands in place of something.' });
export type MaintenanceBody = Readable<z.input<typeof MaintenanceBody>>;

const routeParams = { route: 'Name of the route.' };
const notInMaintenance = { 404: 'Nobody has put it into maintenance; if it is, the policy says so.' };

export const maintainService = operation({
  ...write,
  id: 'maintainService',
  method: 'put',
  path: '/api/v1/services/{service}/maintenance',
  family: 'Traffic',
  summary: 'Puts a page in place of a service',
  params: serviceParams,
  body: MaintenanceBody,
  example: { expiresIn: '30m' },
  errors: { 404: 'There is no such service.' },
});

export const endServiceMaintenance = operation({
  ...write,
  id: 'endServiceMaintenance',
  method: 'delete',
  path: '/api/v1/services/{service}/maintenance',
  family: 'Traffic',
  summary: 'Ends the maintenance of a service',
  params: serviceParams,
  errors: notInMaintenance,
});

export const maintainRoute = operation({
  ...write,
  id: 'maintainRoute',
  method: 'put',
  path: '/api/v1/routes/{route}/maintenance',
  family: 'Traffic',
  summary: 'Puts a page in place of the services behind a route',
  params: routeParams,
  body: MaintenanceBody,
  example: { expiresIn: '30m' },
  errors: { 404: 'There is no such route.' },
});

export const endRouteMaintenance = operation({
  ...write,
  id: 'endRouteMaintenance',
  method: 'delete',
  path: '/api/v1/routes/{route}/maintenance',
  family: 'Traffic',
  summary: 'Ends the maintenance of a route',
  params: routeParams,
  errors: notInMaintenance,
});
