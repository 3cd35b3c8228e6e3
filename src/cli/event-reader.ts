import { setTimeout as pause } from 'node:timers/promises';
import { requestOf } from '../admin/api/request.ts';
import { type EventReply, listEvents } from '../admin/api.ts';
import { sendTo } from './client.ts';
import type { AdminFlags, CliHost } from './host.ts';
import { CliFailure } from './output.ts';

/** What comes on the stream: an event, or that some are missing. */
export type Heard = EventReply | { readonly type: 'gap'; readonly message: string };

/** Milliseconds until a stream that broke off is asked for again, and without a word after which it counts as broken. */
const [again, silence] = [1000, 40_000];

/**
 * Tells of events after an id until the host ends it. A server that is away for a while is waited for, and asked for what
 * came meanwhile.
 *
 * @throws CliFailure when the server refuses.
 */
export async function followEvents(
  host: CliHost,
  flags: AdminFlags,
  {
    query,
    since,
    hear,
  }: {
    readonly query: Readonly<Record<string, string>>;
    readonly since: number;
    readonly hear: (event: Heard) => void;
  },
): Promise<void> {
  const target = host.adminTarget(flags);
  const { token = '' } = target;
  let last = String(since);
  while (!host.signal.aborted) {
    const quiet = new AbortController();
    const timer = setTimeout(() => quiet.abort(), silence);
    try {
      const response = await sendTo(target, requestOf(listEvents, { query }).path, {
        headers: {
          authorization: `Bearer ${token}`,
          accept: 'text/event-stream',
          ...(last !== '0' && { 'last-event-id': last }),
        },
        signal: AbortSignal.any([host.signal, quiet.signal]),
      });
      if (response.status >= 400 && response.status < 500) {
        throw new CliFailure(`the server does not tell of events: it answers ${response.status}`);
      }
      for await (const { id, data } of messagesOf(response)) {
        timer.refresh();
        if (id !== '') last = id;
        if (data !== '') hear(JSON.parse(data) as Heard);
      }
    } catch (error) {
      if (error instanceof CliFailure) throw error;
      // Broken off: asked for again below.
    } finally {
      clearTimeout(timer);
    }
    await pause(again, undefined, { signal: host.signal }).catch(() => {});
  }
}

/** The messages of a stream of server-sent events; those without data are beats. */
async function* messagesOf(response: Response): AsyncGenerator<{ readonly id: string; readonly data: string }> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of response.body ?? []) {
    rest += decoder.decode(piece as Uint8Array, { stream: true });
    const whole = rest.split('\n\n');
    rest = whole.pop() ?? '';
    for (const message of whole) {
      const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(message)?.[1] ?? '';
      yield { id: field('id'), data: field('data') };
    }
  }
}
