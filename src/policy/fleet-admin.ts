import { z } from 'zod';
import { parseAddress } from '../base/address.ts';
import { parseCidr } from '../base/cidr.ts';
import { duration, field } from './field.ts';

const placeholders = /\{(peer|id|metadata\.[A-Za-z0-9_.-]{1,128})\}/g;

/** True if some value for the placeholders makes an address of it. */
function canBeAddress(text: string): boolean {
  const samples = ['a', '1', 'a:1'];
  return samples.some(metadata => {
    const filled = text.replaceAll(placeholders, (_, name: string) => {
      if (name === 'peer') return '10.0.0.1';
      return name === 'id' ? 'a' : metadata;
    });
    const address = parseAddress(filled);
    return address !== undefined && address.kind !== 'unix';
  });
}

const template = z
  .string()
  .min(1)
  .max(256)
  .refine(
    canBeAddress,
    'is not HOST:PORT, in which {peer}, {id} and {metadata.KEY} may stand for what is known of the proxy',
  );

const range = z.string().superRefine((text, context) => {
  if (parseCidr(text)) return;
  const message = `"${text}" is neither an IP address nor a range like 10.0.0.0/8`;
  context.addIssue({ code: 'custom', params: { problem: 'schema.invalid_address' }, message });
});

/** Where the proxies of a fleet are asked how they find their endpoints. */
export const FleetAdmin = z.strictObject({
  address: field(template, {
    placeholder: 'text',
    doc: "Address of the proxy's admin interface, as the control plane reaches it: `{peer}` is the IP address that its xDS connection comes from, `{id}` its node id, `{metadata.KEY}` a text of its metadata.",
    example: '{peer}:9901',
  }),
  within: field(z.array(range).min(1).max(64), {
    doc: 'Ranges that the IP address must lie in, whatever proxies say of themselves. Loopback and link-local addresses, where clouds keep their metadata services, need a range of their own.',
    example: ['10.0.0.0/8'],
  }),
  every: field(duration({ min: 1000, max: 3_600_000 }).prefault('5s'), {
    doc: 'How often each proxy is asked. One that does not answer is asked less often.',
    why: '5s: ejections last that long at least',
    example: '30s',
    unseen: 'a pace of the control plane; a request cannot show it',
  }),
});
export type FleetAdmin = z.output<typeof FleetAdmin>;
