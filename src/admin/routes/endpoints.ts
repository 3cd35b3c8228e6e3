import { Hono } from 'hono';
import { z } from 'zod';
import { EndpointState } from '../../policy/endpoint.ts';
import { duration } from '../../policy/field.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { readAuthorship, readBody, readFlag } from '../input.ts';
import { answerOverride } from '../override-write.ts';

const body = z
  .strictObject({
    weight: z.int().min(1).max(1000).optional(),
    state: EndpointState.optional(),
    expiresIn: duration({ min: 1000 }).optional(),
    sessionsFor: duration({ min: 1000 }).optional(),
  })
  .refine(given => given.weight !== undefined || given.state !== undefined, 'needs weight or state');

/** Weight and state of one endpoint, over the declared ones. The address is the declared one, percent-encoded. */
export function endpointRoutes(dependencies: AdminDependencies): Hono {
  const { control } = dependencies;
  const path = '/services/:service/endpoints/:address{.+}';
  return new Hono()
    .patch(path, async context => {
      const { service, address } = context.req.param();
      const { expiresIn, sessionsFor, weight, state } = await readBody(context, body);
      const force = readFlag(context, 'force');
      const now = Date.now();
      const override = {
        service,
        address,
        ...(weight === undefined ? {} : { weight }),
        ...(state === undefined ? {} : { state }),
        ...(expiresIn === undefined ? {} : { expiresAt: now + expiresIn }),
        ...(sessionsFor === undefined ? {} : { sessionsUntil: now + sessionsFor }),
        ...readAuthorship(context),
      };
      return answerOverride(context, dependencies, () => control.overrideEndpoint(override, { force }));
    })
    .delete(path, context => {
      const { service, address } = context.req.param();
      return answerOverride(context, dependencies, () => control.endOverride({ kind: 'endpoint', service, address }));
    });
}
