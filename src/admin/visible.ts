import type { Context } from 'hono';
import { mayFleet, type Scope } from '../access/caller.ts';

/** Whether the caller may see what a fleet holds, by its key. */
export function seenBy(context: Context): (key: string) => boolean {
  const caller: Scope = context.get('caller');
  return key => mayFleet(caller, key);
}

/** The same of a thing that may be of no fleet: that is seen by those who may see all. */
export function seenOrOfNone(context: Context): (key: string | null | undefined) => boolean {
  const { fleets }: Scope = context.get('caller');
  return key =>
    key === null || key === undefined ? fleets === undefined : mayFleet({ ...(fleets && { fleets }) }, key);
}
