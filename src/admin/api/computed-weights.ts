import { z } from 'zod';
import { duration } from '../../policy/field.ts';
import { flag, operation, waitingQuery } from './operation.ts';
import { instantText, type Reply } from './reply.ts';
import { writeReply } from './writes.ts';

export const ComputedReply = z
  .object({
    target: z.string().describe('`services/catalog`.'),
    source: z.string().describe('Who computes them.'),
    since: instantText('When these weights came first.'),
    renewed: instantText('When they came last.'),
    expiresAt: instantText('From then on the declared ones hold.'),
  })
  .meta({ id: 'ComputedWeights', description: 'Weights of a service that somebody computes.' });
export type ComputedReply = Reply<typeof ComputedReply>;

const EndpointWeightsReply = z
  .object({
    service: z.string().describe('Name of the service.'),
    computed: ComputedReply.nullable().describe('Those that hold.'),
    endpoints: z
      .array(
        z.object({
          address: z.string().describe('As declared.'),
          weight: z.number().describe('What holds, on the scale of the declared weights, to three places.'),
          from: z.enum(['declared', 'computed', 'override']).describe('Where it comes from.'),
          declared: z.number().describe('As the policy says.'),
          computed: z.number().describe('As it was sent.').optional(),
          override: z.number().describe('As an operator set it.').optional(),
        }),
      )
      .describe('All of the service.'),
  })
  .meta({ id: 'EndpointWeights', description: 'Which weight holds for each endpoint, and why.' });
export type EndpointWeightsReply = Reply<typeof EndpointWeightsReply>;

const ComputedWriteReply = writeReply({
  computed: ComputedReply.optional().describe('Absent after a delete.'),
  ignored: z.array(z.string()).describe('Addresses that the service does not have.').optional(),
}).meta({ id: 'ComputedWeightsWrite', description: 'Answer to a write of computed weights.' });
export type ComputedWriteReply = Reply<typeof ComputedWriteReply>;

const longest = 24 * 60 * 60 * 1000;
const ComputedBody = z
  .strictObject({
    source: z.string().min(1).max(100).describe('Who computes them.'),
    weights: z
      .record(z.string().max(300), z.int().min(1).max(1000))
      .describe('Address of a declared endpoint → weight, relative to the others here.'),
    expiresIn: duration({ min: 1000, max: longest }).describe(
      'From `1s` to `24h`; then the declared weights hold again.',
    ),
  })
  .meta({ id: 'ComputedWeightsChange', description: 'In place of all that was computed for the service before.' });

const about = {
  path: '/api/v1/services/{service}/weights',
  family: 'Endpoints',
  params: { service: 'Name of the service.' },
} as const;

export const readEndpointWeights = operation({
  ...about,
  id: 'readEndpointWeights',
  method: 'get',
  summary: 'Which weight holds for each endpoint, and why',
  answers: { 200: EndpointWeightsReply },
  errors: { 404: 'There is no such service.' },
});

export const giveComputedWeights = operation({
  ...about,
  id: 'giveComputedWeights',
  unstored: true,
  method: 'put',
  summary: 'Weights from measurements, for a time',
  doc: 'They make no revision and are not kept over restarts.',
  query: { ...waitingQuery, force: flag('Even while the weights of another source hold.') },
  body: ComputedBody,
  example: { source: 'balancer', weights: { '10.0.0.11:8080': 80, '10.0.0.12:8080': 120 }, expiresIn: '30s' },
  answers: { 200: ComputedWriteReply, 202: ComputedWriteReply },
  errors: {
    404: 'There is no such service.',
    409: 'The weights of another source hold, and `force` is not given.',
  },
});

export const endComputedWeights = operation({
  ...about,
  id: 'endComputedWeights',
  unstored: true,
  method: 'delete',
  summary: 'Ends computed weights',
  query: waitingQuery,
  answers: { 200: ComputedWriteReply, 202: ComputedWriteReply },
  errors: {
    404: 'There are none.',
    409: 'They are of another source.',
    422: 'It contradicts the policy.',
  },
});
