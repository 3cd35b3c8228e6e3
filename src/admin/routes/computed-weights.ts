import { Hono } from 'hono';
import { z } from 'zod';
import type { Control } from '../../control/control.ts';
import { duration } from '../../policy/field.ts';
import { answerWrite } from '../acknowledgement.ts';
import type { EndpointWeightsReply } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { readBody, readFlag, readWait } from '../input.ts';
import { refuse } from '../override-write.ts';
import { ApiError } from '../problem-json.ts';
import { computedReply } from '../replies.ts';

const longest = 24 * 60 * 60 * 1000;
const body = z.strictObject({
  source: z.string().min(1).max(100),
  weights: z.record(z.string().max(300), z.int().min(1).max(1000)),
  expiresIn: duration({ min: 1000, max: longest }),
});

/** Weights of a service's endpoints that somebody computes, and what holds for each endpoint. */
export function computedWeightRoutes(dependencies: AdminDependencies): Hono {
  const { control } = dependencies;
  const path = '/services/:service/weights';
  return new Hono()
    .get(path, context => context.json(currentWeights(control, context.req.param('service'))))
    .put(path, async context => {
      const wait = readWait(context);
      const { source, weights, expiresIn } = await readBody(context, body);
      const force = readFlag(context, 'force');
      const service = context.req.param('service');
      const outcome = await control.computed.give({ service, source, weights, ttl: expiresIn, force });
      if (outcome.kind !== 'done') return refuse(outcome);
      const { effect, current, ignored } = outcome;
      const more = { ...(current ? { computed: computedReply(current) } : {}), ignored };
      return answerWrite(context, dependencies, { effect, wait, more });
    })
    .delete(path, async context => {
      const wait = readWait(context);
      const outcome = await control.computed.end(context.req.param('service'));
      if (outcome.kind !== 'done') return refuse(outcome);
      return answerWrite(context, dependencies, { effect: outcome.effect, wait, more: {} });
    });
}

function currentWeights(control: Control, service: string): EndpointWeightsReply {
  const found = control.computed.of(service);
  if (!found) throw new ApiError(404, 'Not found', `There is no service "${service}".`);
  const { computed, endpoints } = found;
  return {
    service,
    computed: computed ? computedReply(computed) : null,
    endpoints: endpoints.map(each => ({ ...each, weight: Math.round(each.weight * 1000) / 1000 })),
  };
}
