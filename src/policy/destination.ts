import { z } from 'zod';
import { destinationFormat, field, formats, name } from './field.ts';

/** One place that a rule or a TCP listener sends to. Its text form is `catalog` or `catalog@v1`. */
export const Destination = z.strictObject({
  service: field(name, { doc: 'Name of a service.', example: 'catalog' }),
  version: field(name.optional(), {
    doc: 'One of its versions; absent: all endpoints.',
    why: 'absent: all endpoints of the service',
    example: 'v1',
  }),
  weight: field(z.int().min(0).max(1_000_000).default(1), {
    placeholder: 'number',
    doc: 'Share relative to the other destinations.',
    why: '1: all alike',
    example: 95,
  }),
});
export type Destination = z.output<typeof Destination>;

/** A destination as text, `catalog` or `catalog@v1`. */
export const destinationText = z
  .string()
  .register(formats, destinationFormat)
  .regex(new RegExp(destinationFormat.pattern), 'is neither SERVICE nor SERVICE@VERSION');

/** `catalog@v1`, or `catalog` for all endpoints: how API, CLI and Envoy's cluster names spell a destination. */
export function destinationKey(destination: {
  readonly service: string;
  readonly version?: string | undefined;
}): string {
  return destination.version === undefined ? destination.service : `${destination.service}@${destination.version}`;
}

/** The parts of a destination's text form. */
export function destinationParts(key: string): { readonly service: string; readonly version: string | undefined } {
  if (!key.includes('@')) return { service: key, version: undefined };
  const [service = '', version] = key.split('@');
  return { service, version };
}
