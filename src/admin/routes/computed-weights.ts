import type { Control } from '../../control/control.ts';
import { answerWrite } from '../acknowledgement.ts';
import { type EndpointWeightsReply, endComputedWeights, giveComputedWeights, readEndpointWeights } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { refuse } from '../override-write.ts';
import { ApiError } from '../problem-json.ts';
import { computedReply } from '../replies.ts';
import { type Api, answer, serve } from '../serve.ts';

/** Weights of a service's endpoints that somebody computes, and what holds for each endpoint. */
export function computedWeightRoutes(api: Api, dependencies: AdminDependencies): void {
  const { control } = dependencies;
  serve(api, readEndpointWeights, ({ params }) => answer(200, currentWeights(control, params.service)));
  serve(api, giveComputedWeights, async asked => {
    const { source, weights, expiresIn } = asked.body;
    const { force = false, dryRun = false } = asked.query;
    const { service } = asked.params;
    const outcome = await control.computed.give({ service, source, weights, ttl: expiresIn, force }, { dryRun });
    if (outcome.kind !== 'done') return refuse(outcome);
    const { effect, plan, current, ignored } = outcome;
    const more = { ...(current ? { computed: computedReply(current) } : {}), ignored };
    return answerWrite(asked, dependencies, { effect, plan, more });
  });
  serve(api, endComputedWeights, async asked => {
    const { dryRun = false } = asked.query;
    const outcome = await control.computed.end(asked.params.service, { dryRun });
    if (outcome.kind !== 'done') return refuse(outcome);
    return answerWrite(asked, dependencies, { effect: outcome.effect, plan: outcome.plan, more: {} });
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
