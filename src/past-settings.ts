import { isIP } from 'node:net';
import { z } from 'zod';
import { type Millis, parseDuration } from './base/units.ts';
import type { Retention } from './store/store.ts';

/** What is remembered and believed; each absent where it is as usual. */
export interface PastSettings {
  /** How much of the past is kept. */
  readonly retention?: Partial<Retention>;
  /** How long proxies hold a publication without rejecting anything of it until it is good. */
  readonly goodAfter?: Millis;
  /** Name servers, `IP` or `IP:PORT`; absent: those of the system. */
  readonly nameServers?: readonly string[];
}

const age = z.string().transform((text, context): Millis => {
  const value = parseDuration(text);
  if (value !== undefined && value >= 1000) return value;
  context.addIssue({ code: 'custom', message: `"${text}" is not a duration of 1s or more, such as 90d` });
  return z.NEVER;
});

const count = (least: number, most: number) => {
  const message = `is not a whole number from ${least} to ${most}`;
  return z.coerce
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .pipe(z.int().min(least, message).max(most, message));
};

const nameServers = z
  .union([z.array(z.string()), z.string().transform(text => text.split(/[\s,]+/).filter(each => each !== ''))])
  .refine(
    list => list.every(each => isIP(each) > 0 || isSocketAddress(each)),
    'is not IP or IP:PORT, such as 127.0.0.1:8600',
  );

function isSocketAddress(text: string): boolean {
  const [, host = '', port] = /^\[?([0-9a-fA-F:.]+?)\]?:(\d{1,5})$/.exec(text) ?? [];
  return isIP(host) > 0 && Number(port) >= 1 && Number(port) <= 65_535 && text.startsWith('[') === (isIP(host) === 6);
}

export const pastShape = {
  keepRevisions: count(10, 100_000).optional(),
  keepRevisionsFor: age.optional(),
  keepPublications: count(100, 1_000_000).optional(),
  nameServer: nameServers.optional(),
};

type Past = z.output<z.ZodObject<typeof pastShape>> & { readonly goodAfter?: Millis | undefined };

export function pastOf(given: Past): PastSettings {
  const {
    keepRevisions: revisions,
    keepRevisionsFor: age,
    keepPublications: publications,
    goodAfter,
    nameServer,
  } = given;
  const retention = {
    ...(revisions !== undefined && { revisions }),
    ...(age !== undefined && { age }),
    ...(publications !== undefined && { publications }),
  };
  return {
    ...(Object.keys(retention).length > 0 && { retention }),
    ...(goodAfter !== undefined && { goodAfter }),
    ...(nameServer && { nameServers: nameServer }),
  };
}
