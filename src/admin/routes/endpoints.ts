import { endEndpointOverride, endEndpointOverrides, overrideEndpoint, overrideEndpoints } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { readAuthorship } from '../input.ts';
import { answerOverride } from '../override-write.ts';
import { type Api, serve } from '../serve.ts';

/** Weight and state of endpoints, over the declared ones: of one, by its declared address, percent-encoded, or of all. */
export function endpointRoutes(api: Api, dependencies: AdminDependencies): void {
  const { control } = dependencies;
  serve(api, overrideEndpoint, asked => {
    const { params, query, body } = asked;
    const { weight, state, ...given } = body;
    const override = {
      ...params,
      ...(weight === undefined ? {} : { weight }),
      ...(state === undefined ? {} : { state }),
      ...endsAt(given),
      ...readAuthorship(asked),
    };
    const { force = false } = query;
    return answerOverride(asked, dependencies, options => control.overrideEndpoint(override, { force, ...options }));
  });
  serve(api, endEndpointOverride, asked =>
    answerOverride(asked, dependencies, options =>
      control.endOverride({ kind: 'endpoint', ...asked.params }, readAuthorship(asked), options),
    ),
  );
  serve(api, overrideEndpoints, asked => {
    const { state, ...given } = asked.body;
    const override = { ...asked.params, state, ...endsAt(given), ...readAuthorship(asked) };
    const { force = false } = asked.query;
    return answerOverride(asked, dependencies, options => control.overrideEndpoints(override, { force, ...options }));
  });
  serve(api, endEndpointOverrides, asked =>
    answerOverride(asked, dependencies, options =>
      control.endEndpointOverrides(asked.params.service, readAuthorship(asked), options),
    ),
  );
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
