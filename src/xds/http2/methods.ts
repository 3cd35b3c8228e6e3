import { serviceDefinition } from '../../../proto/services.ts';
import { type Answer, guarded, type RpcService, type Serve, type StreamListener, unreadAfter } from '../rpc.ts';
import type { Http2Call } from './call.ts';

/** What a method does with a call; undefined when the call has been ended. */
export type Method = (call: Http2Call) => StreamListener | undefined;

/**
 * Milliseconds within which the only request of a call must have come, so that calls without one do not pile up; no more
 * than an answer has.
 */
const requestLimit = 30_000;

/**
 * The methods of services by their paths.
 *
 * @param limit milliseconds that a caller may take to read an answer that counts as under way until then.
 */
export function methodsOf(services: readonly RpcService[], limit: number): ReadonlyMap<string, Method> {
  const methods = new Map<string, Method>();
  for (const { name, streams, unary } of services) {
    const definition = serviceDefinition(name);
    const add = (method: string, made: (requestStream: boolean) => Method): void => {
      const found = definition[method];
      if (!found) throw new Error(`${name} has no method ${method}`);
      methods.set(found.path, made(found.requestStream));
    };
    for (const [method, serve] of Object.entries(streams)) {
      add(method, many => (many ? serve : oneRequest(serve, limit)));
    }
    for (const [method, answer] of Object.entries(unary))
      add(method, () => oneRequest(unaryServe(answer, limit), limit));
  }
  return methods;
}

/** Hears exactly one message, in time, or the call ends. */
function oneRequest(serve: Method | Serve, limit: number): Method {
  return call => {
    const listener = serve(call);
    if (!listener) return undefined;
    const patience = Math.min(requestLimit, limit);
    const late = setTimeout(() => call.end('DEADLINE_EXCEEDED', 'the request has not come'), patience).unref();
    let requests = 0;
    return {
      received: message => {
        if (++requests === 1) listener.received(message);
        else call.end('UNIMPLEMENTED', 'this method takes one request');
      },
      finished: () => {
        clearTimeout(late);
        if (requests === 1) listener.finished();
        else call.end('UNIMPLEMENTED', 'this method takes one request, and none came');
      },
      closed: reason => {
        clearTimeout(late);
        listener.closed(reason);
      },
    };
  };
}

function unaryServe(answer: Answer, limit: number): Method {
  return call => {
    let request: Buffer | undefined;
    let closed = false;
    /** Of an answer that counts as under way until it has been read. */
    let ended = (): void => {};
    return {
      received: message => {
        request = message;
      },
      finished: () => {
        if (!request) return;
        const outcome = guarded(answer)(request, call);
        if ('kind' in outcome) {
          finish(call, outcome);
          return;
        }
        // Rejects never.
        void outcome.then(({ outcome: answered, left }) => {
          const read = unreadAfter(limit, call);
          ended = () => {
            read();
            left();
          };
          if (closed) ended();
          else finish(call, answered);
        });
      },
      closed: () => {
        closed = true;
        ended();
      },
    };
  };
}

function finish(call: Http2Call, outcome: Exclude<ReturnType<Answer>, Promise<unknown>>): void {
  if (outcome.kind === 'answer') {
    call.write(outcome.message);
    call.end('OK', '');
  } else {
    call.end(outcome.code, outcome.why);
  }
}
