import type { Control } from '../../control/control.ts';
import { endShift, readWeights, shiftTraffic, type WeightsReply } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { readAuthorship } from '../input.ts';
import { answerOverride } from '../override-write.ts';
import { ApiError } from '../problem-json.ts';
import { declaredWeights, overrideReply } from '../replies.ts';
import { type Api, answer, serve } from '../serve.ts';

/** Traffic shifts: the weights of a named rule, over the declared ones. */
export function weightRoutes(api: Api, dependencies: AdminDependencies): void {
  const { control } = dependencies;
  serve(api, readWeights, ({ params }) => answer(200, currentWeights(control, params.route, params.rule)));
  serve(api, shiftTraffic, asked => {
    const shift = { ...asked.params, weights: asked.body, ...readAuthorship(asked) };
    return answerOverride(asked, dependencies, options => control.shift(shift, options));
  });
  serve(api, endShift, asked =>
    answerOverride(asked, dependencies, options =>
      control.endOverride({ kind: 'shift', ...asked.params }, readAuthorship(asked), options),
    ),
  );
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
