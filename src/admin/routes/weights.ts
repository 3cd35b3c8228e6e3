import { Hono } from 'hono';
import { z } from 'zod';
import type { Control } from '../../control/control.ts';
import type { WeightsReply } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { readAuthorship, readBody } from '../input.ts';
import { answerOverride } from '../override-write.ts';
import { ApiError } from '../problem-json.ts';
import { declaredWeights, overrideReply } from '../replies.ts';

const body = z.record(z.string().max(130), z.int().min(0).max(1_000_000));

/** Traffic shifts: the weights of a named rule, over the declared ones. */
export function weightRoutes(dependencies: AdminDependencies): Hono {
  const { control } = dependencies;
  const path = '/routes/:route/rules/:rule/weights';
  return new Hono()
    .get(path, context => context.json(currentWeights(control, context.req.param('route'), context.req.param('rule'))))
    .put(path, async context => {
      const { route, rule } = context.req.param();
      const weights = await readBody(context, body);
      return answerOverride(context, dependencies, () =>
        control.shift({ route, rule, weights, ...readAuthorship(context) }),
      );
    })
    .delete(path, context => {
      const { route, rule } = context.req.param();
      return answerOverride(context, dependencies, () => control.endOverride({ kind: 'shift', route, rule }));
    });
}

function currentWeights(control: Control, routeName: string, ruleName: string): WeightsReply {
  // Not by index: a caller may ask for "constructor".
  const [, route] = Object.entries(control.accepted?.policy.routes ?? {}).find(([name]) => name === routeName) ?? [];
  const rule = route?.rules.find(each => each.name === ruleName);
  if (!rule?.to) {
    throw new ApiError(404, 'Not found', `There is no rule "${ruleName}" with destinations in a route "${routeName}".`);
  }
  const status = control.accepted?.overrides.find(
    ({ override }) => override.kind === 'shift' && override.route === routeName && override.rule === ruleName,
  );
  const declared = declaredWeights(rule.to);
  const shifted = status?.effect === 'active' && status.override.kind === 'shift' ? status.override.weights : declared;
  const override = status ? overrideReply(status) : null;
  const hashed = rule.sticky?.hashBy !== undefined;
  return { declared, effective: shifted, override, sticky: rule.sticky !== undefined, hashed };
}
