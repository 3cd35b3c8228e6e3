import type { Buffer } from 'node:buffer';
import { type ByteService, serviceDefinition } from '../../proto/services.ts';
import {
  type Answer,
  attempt,
  guarded,
  type RpcService,
  type RpcStream,
  type Serve,
  usualAnswerLimit,
  warned,
} from './rpc.ts';

/** A method of a service, with what serves a call of it, whatever kind of call that is. */
export interface Method {
  readonly name: string;
  readonly definition: ByteService[string];
  /** Never throws, and neither does the listener that it gives. */
  readonly serve: Serve;
}

/**
 * Milliseconds within which the only request of a call must have come, so that calls without one do not pile up; no more
 * than an answer has.
 */
const requestLimit = 30_000;

/** The methods of a service. Throws when the API has one of them not. @param limit as in the settings of transports. */
export function methodsOf({ name, streams, unary }: RpcService, limit = usualAnswerLimit): readonly Method[] {
  const definition = serviceDefinition(name);
  const patience = Math.min(requestLimit, limit);
  const method = (called: string, serveOf: (found: Method['definition']) => Serve): Method => {
    const found = definition[called];
    if (!found) throw new Error(`${name} has no method ${called}`);
    return { name: called, definition: found, serve: faultless(serveOf(found)) };
  };
  return [
    ...Object.entries(streams).map(([called, serve]) =>
      method(called, ({ requestStream }) => (requestStream ? serve : oneRequest(serve, patience))),
    ),
    ...Object.entries(unary).map(([called, answer]) =>
      method(called, () => oneRequest(stream => answered(stream, answer), patience)),
    ),
  ];
}

/** What fails in a call ends that call. Of what fails at its very end the process warns: there is nothing left to end. */
function faultless(serve: Serve): Serve {
  return stream => {
    let over = false;
    let listener: ReturnType<Serve>;
    attempt(stream, () => {
      listener = serve(stream);
    });
    return {
      received: message => {
        if (!over) attempt(stream, () => listener?.received(message));
      },
      finished: () => {
        if (!over) attempt(stream, () => listener?.finished());
      },
      closed: reason => {
        if (over) return;
        over = true;
        warned(() => listener?.closed(reason));
      },
    };
  };
}

/** Hears exactly one message, and that nothing follows, in time; or the call ends. */
function oneRequest(serve: Serve, patience: number): Serve {
  return stream => {
    const listener = serve(stream);
    if (!listener) return undefined;
    const late = setTimeout(() => stream.end('DEADLINE_EXCEEDED', 'the request has not come'), patience).unref();
    let request: Buffer | undefined;
    return {
      received: message => {
        if (request) stream.end('UNIMPLEMENTED', 'this method takes one request');
        request ??= message;
      },
      finished: () => {
        clearTimeout(late);
        if (request) {
          listener.received(request);
          listener.finished();
        } else stream.end('UNIMPLEMENTED', 'this method takes one request, and none came');
      },
      closed: reason => {
        clearTimeout(late);
        listener.closed(reason);
      },
    };
  };
}

function answered(stream: RpcStream, answer: Answer): ReturnType<Serve> {
  let closed = false;
  /** Of an answer that counts as under way until it has been read. */
  let ended = (): void => {};
  return {
    received: request => {
      const outcome = guarded(answer)(request, stream);
      if ('kind' in outcome) {
        finish(stream, outcome);
        return;
      }
      // Rejects never.
      void outcome.then(({ outcome: later, left }) => {
        ended = left;
        if (closed) ended();
        else attempt(stream, () => finish(stream, later));
      });
    },
    finished: () => {},
    closed: () => {
      closed = true;
      ended();
    },
  };
}

function finish(stream: RpcStream, outcome: Exclude<ReturnType<Answer>, Promise<unknown>>): void {
  if (outcome.kind === 'answer') {
    stream.write(outcome.message);
    stream.end('OK', '');
  } else {
    stream.end(outcome.code, outcome.why);
  }
}
