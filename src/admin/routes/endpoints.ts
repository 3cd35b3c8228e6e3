import { Hono } from 'hono';
import { z } from 'zod';
import { EndpointState } from '../../policy/endpoint.ts';
import { duration } from '../../policy/field.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { readAuthorship, readBody, readFlag } from '../input.ts';
import { answerOverride } from '../override-write.ts';

const ends = { expiresIn: duration({ min: 1000 }).optional(), sessionsFor: duration({ min: 1000 }).optional() };

const ofOne = z
  .strictObject({ weight: z.int().min(1).max(1000).optional(), state: EndpointState.optional(), ...ends })
  .refine(given => given.weight !== undefined || given.state !== undefined, 'needs weight or state');

const ofAll = z.strictObject({ state: EndpointState, ...ends });

/** Weight and state of endpoints, over the declared ones: of one, by its declared address, percent-encoded, or of all. */
export function endpointRoutes(dependencies: AdminDependencies): Hono {
  const { control } = dependencies;
  const all = '/services/:service/endpoints';
  const one = `${all}/:address{.+}` as const;
  return new Hono()
    .patch(one, async context => {
      const { service, address } = context.req.param();
      const { weight, state, ...given } = await readBody(context, ofOne);
      const force = readFlag(context, 'force');
      const override = {
        service,
        address,
        ...(weight === undefined ? {} : { weight }),
        ...(state === undefined ? {} : { state }),
        ...endsAt(given),
        ...readAuthorship(context),
      };
      return answerOverride(context, dependencies, () => control.overrideEndpoint(override, { force }));
    })
    .delete(one, context => {
      const { service, address } = context.req.param();
      return answerOverride(context, dependencies, () => control.endOverride({ kind: 'endpoint', service, address }));
    })
    .patch(all, async context => {
      const { service } = context.req.param();
      const { state, ...given } = await readBody(context, ofAll);
      const force = readFlag(context, 'force');
      const override = { service, state, ...endsAt(given), ...readAuthorship(context) };
      return answerOverride(context, dependencies, () => control.overrideEndpoints(override, { force }));
    })
    .delete(all, context => {
      const { service } = context.req.param();
      return answerOverride(context, dependencies, () => control.endEndpointOverrides(service));
    });
}

interface Ends {
  readonly expiresIn?: number | undefined;
  readonly sessionsFor?: number | undefined;
}

/** Times from now on as instants. */
function endsAt({ expiresIn, sessionsFor }: Ends) {
  const now = Date.now();
  return {
    ...(expiresIn === undefined ? {} : { expiresAt: now + expiresIn }),
    ...(sessionsFor === undefined ? {} : { sessionsUntil: now + sessionsFor }),
  };
}
