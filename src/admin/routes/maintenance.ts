import { endRouteMaintenance, endServiceMaintenance, maintainRoute, maintainService } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { readAuthorship } from '../input.ts';
import { answerOverride } from '../override-write.ts';
import { type Api, serve } from '../serve.ts';

const expiry = ({ expiresIn }: { readonly expiresIn?: number | undefined }) =>
  expiresIn === undefined ? {} : { expiresAt: Date.now() + expiresIn };

/** A page in place of a service, or of the services behind a route. */
export function maintenanceRoutes(api: Api, dependencies: AdminDependencies): void {
  const { control } = dependencies;
  serve(api, maintainService, asked => {
    const maintenance = { of: 'service', name: asked.params.service, ...expiry(asked.body) } as const;
    return answerOverride(asked, dependencies, options =>
      control.maintain({ ...maintenance, ...readAuthorship(asked) }, options),
    );
  });
  serve(api, maintainRoute, asked => {
    const maintenance = { of: 'route', name: asked.params.route, ...expiry(asked.body) } as const;
    return answerOverride(asked, dependencies, options =>
      control.maintain({ ...maintenance, ...readAuthorship(asked) }, options),
    );
  });
  serve(api, endServiceMaintenance, asked => {
    const key = { kind: 'maintenance', of: 'service', name: asked.params.service } as const;
    return answerOverride(asked, dependencies, options => control.endOverride(key, readAuthorship(asked), options));
  });
  serve(api, endRouteMaintenance, asked => {
    const key = { kind: 'maintenance', of: 'route', name: asked.params.route } as const;
    return answerOverride(asked, dependencies, options => control.endOverride(key, readAuthorship(asked), options));
  });
}
