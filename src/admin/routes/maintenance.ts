import { Hono } from 'hono';
import { z } from 'zod';
import { duration } from '../../policy/field.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { readAuthorship, readBody } from '../input.ts';
import { answerOverride } from '../override-write.ts';

const body = z.strictObject({ expiresIn: duration({ min: 1000 }).optional() });

/** A page in place of a service, or of the services behind a route. */
export function maintenanceRoutes(dependencies: AdminDependencies): Hono {
  const { control } = dependencies;
  const routes = new Hono();
  for (const owner of ['service', 'route'] as const) {
    const path = `/${owner}s/:${owner}/maintenance`;
    routes
      .put(path, async context => {
        const name = context.req.param(owner) ?? '';
        const { expiresIn } = await readBody(context, body);
        const expiry = expiresIn === undefined ? {} : { expiresAt: Date.now() + expiresIn };
        return answerOverride(context, dependencies, () =>
          control.maintain({ of: owner, name, ...expiry, ...readAuthorship(context) }),
        );
      })
      .delete(path, context => {
        const name = context.req.param(owner) ?? '';
        return answerOverride(context, dependencies, () =>
          control.endOverride({ kind: 'maintenance', of: owner, name }),
        );
      });
  }
  return routes;
}
