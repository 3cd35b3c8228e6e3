import { z } from 'zod';
import { type EventType, eventTypes } from '../../events/event.ts';
import { idText, next, pageQuery } from './lists.ts';
import { flag, operation } from './operation.ts';
import { instantText, type Reply, span } from './reply.ts';

const EventReply = z
  .object({
    id: z.int().describe('Grows with each event, over restarts too.'),
    type: z.enum(eventTypes).describe('What has happened.'),
    at: instantText('When.'),
    message: z.string().describe('The same in one sentence.'),
    fleet: z.string().describe('Key of the fleet that it is about.').optional(),
    proxy: z.string().describe('Node id of the proxy that it is about.').optional(),
    revision: z.int().describe('Number of the revision.').optional(),
    author: z.string().describe('Who did it.').optional(),
    reason: z.string().describe('Why, in his words.').optional(),
    resourceType: z.string().describe('`CDS` and the like.').optional(),
    resource: z.string().describe('Name of the resource.').optional(),
    version: z.string().describe('Content version of what was sent, or of the resource.').optional(),
    latencyMs: z.number().describe('Milliseconds from a change to its first acknowledgement.').optional(),
    code: z.string().describe('Of a problem, or of a limit.').optional(),
    ...span,
  })
  .meta({ id: 'Event', description: 'Something that happened.' });
export type EventReply = Reply<typeof EventReply>;

const EventsReply = z
  .object({ events: z.array(EventReply).describe('The newest last.'), next })
  .meta({ id: 'Events', description: 'What happened of late.' });
export type EventsReply = Reply<typeof EventsReply>;

const types = z
  .string()
  .transform((text, context): readonly EventType[] => {
    const names = text.split(',').filter(each => each !== '');
    const known = names.flatMap(name => eventTypes.find(each => each === name) ?? []);
    if (known.length === names.length && names.length > 0) return known;
    context.addIssue({ code: 'custom', message: `is none, or several with commas, of ${eventTypes.join(', ')}` });
    return z.NEVER;
  })
  .optional()
  .describe('Only these types, with commas between.');

export const listEvents = operation({
  id: 'listEvents',
  method: 'get',
  path: '/api/v1/events',
  family: 'Operation',
  summary: 'What happened of late, or a stream of what happens',
  doc:
    'Who accepts `text/event-stream`, or says `follow=true`, gets server-sent events that go on, with what came after ' +
    '`Last-Event-ID` or `since` first. Where something after that is not remembered any more, an event `gap` says so.',
  query: {
    ...pageQuery,
    type: types,
    fleet: z.string().optional().describe('Only what is about this fleet, or one of its sub-fleets.'),
    proxy: z.string().optional().describe('Only what is about the proxy with this node id.'),
    follow: flag('A stream that goes on.'),
    since: idText('With `follow`: the id after which to begin; from now on by default.'),
  },
  headers: { 'last-event-id': 'With `follow`: the id of the last event that the reader has had.' },
  answers: { 200: EventsReply },
  errors: { 503: 'Too many follow the events already.' },
});
