import { z } from 'zod';
import { field } from './field.ts';

/** Stands for the node id in a pattern. */
export const idPlaceholder = '{id}';

const pattern = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[A-Za-z0-9._~:/@+=,%{}*-]+$/, 'may hold letters, digits, . _ ~ : / @ + = , % -, {id} and *')
  .refine(text => !/[{}]/.test(text.replace(idPlaceholder, '')), 'may hold {id} once, and no other braces')
  .refine(
    text => !(text.includes(idPlaceholder) && text.includes('*')),
    'may hold {id} or *, not both: the certificate would not say where the node id begins',
  );

/** Which certificates may speak for the nodes of a fleet. */
export const FleetIdentity = z.strictObject({
  san: field(z.array(pattern).min(1).max(64), {
    doc:
      'Names that the certificate must have one of, among its subject alternative names. A pattern with a colon is ' +
      'compared with URIs, any other with host names (DNS); letters count as they are written. `{id}` stands for the ' +
      'node id, so that a proxy can speak for no other than itself; `*` stands for any text.',
    example: ['spiffe://shop/edge/{id}', '{id}.edge.internal'],
  }),
});
export type FleetIdentity = z.output<typeof FleetIdentity>;
