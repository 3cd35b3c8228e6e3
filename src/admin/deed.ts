import type { RollbackOutcome } from '../control/revisions.ts';
import type { Author } from '../control/what.ts';
import type { EventContent } from '../events/event.ts';
import type { EventLog } from '../events/event-log.ts';

/**
 * The event of something that somebody has done by the API. @param what he does: `ends the freeze`; all that callers name
 * in it must be bounded.
 */
export function deed(
  type: EventContent['type'],
  { by: author, reason }: Author,
  what: string,
  about: Pick<EventContent, 'revision'> = {},
): EventContent {
  return { type, message: `${author} ${what}`, author, ...(reason === undefined ? {} : { reason }), ...about };
}

/** Tells those who watch of a change of the whole policy, unless it was not made. */
export function announcer(events: Pick<EventLog, 'add'>) {
  return (type: EventContent['type'], author: Author, what: string, outcome: RollbackOutcome): void => {
    if (outcome.kind !== 'accepted' || outcome.plan) return;
    events.add(deed(type, author, what, { revision: outcome.revision.number }));
  };
}
