import type { Context } from 'hono';

/** Versions in `If-Match`, with or without quotes; `*`; undefined where there is none. */
export function readIfMatch(context: Context): readonly string[] | '*' | undefined {
  return versionsIn(context.req.header('if-match'));
}

/** Whether `If-None-Match` wants that there is nothing. */
export function readIfNone(context: Context): boolean {
  return versionsIn(context.req.header('if-none-match')) === '*';
}

/** Whether the caller has this version already. */
export function hasVersion(context: Context, version: string): boolean {
  const known = versionsIn(context.req.header('if-none-match'));
  return known === '*' || (known?.includes(version) ?? false);
}

export const entityTag = (version: string): string => `"${version}"`;

/** Weak ones count as strong: the same version is the same content, to the last field. */
export function versionsIn(header: string | undefined): readonly string[] | '*' | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return '*';
  return header.split(',').map(each => each.trim().replace(/^W\//, '').replaceAll('"', ''));
}
