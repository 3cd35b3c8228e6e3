import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { StoreError } from '../store/store.ts';
import type { ErrorReply, ProblemReply } from './api.ts';

/** An answer other than success, thrown by routes and turned into `application/problem+json` (RFC 9457) in one place. */
export class ApiError extends Error {
  readonly status: ContentfulStatusCode;
  readonly title: string;
  readonly hint: string | undefined;
  readonly problems: readonly ProblemReply[] | undefined;
  /** Further fields of the body. */
  readonly more: object;

  constructor(
    status: ContentfulStatusCode,
    title: string,
    detail: string,
    more: {
      readonly hint?: string | undefined;
      readonly problems?: readonly ProblemReply[];
      readonly more?: object;
    } = {},
  ) {
    super(detail);
    this.name = 'ApiError';
    this.status = status;
    this.title = title;
    this.hint = more.hint;
    this.problems = more.problems;
    this.more = more.more ?? {};
  }
}

const storeAnswers = {
  full: [507, 'Disk full', 'Free space in the data directory; nothing was changed.'],
  locked: [503, 'Store busy', 'Another process holds the data directory; nothing was changed.'],
  damaged: [503, 'Store damaged', 'See the log for the damaged file; nothing was changed.'],
  io: [503, 'Store unavailable', 'See the log for the failure; nothing was changed.'],
} as const satisfies Record<StoreError['kind'], readonly [ContentfulStatusCode, string, string]>;

/** The answer for whatever a route threw. Unknown errors say nothing of their inside; the log has it. */
export function errorAnswer(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof StoreError) {
    const [status, title, hint] = storeAnswers[error.kind];
    return new ApiError(status, title, error.message, { hint });
  }
  return new ApiError(500, 'Internal error', 'The request failed by a fault of the server; its log says more.');
}

/** Sends it as problem+json. */
export function sendError(context: Context, error: ApiError): Response {
  const body: ErrorReply = {
    type: `urn:switchyard:error:${error.title.toLowerCase().replaceAll(' ', '-')}`,
    title: error.title,
    status: error.status,
    detail: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.problems === undefined ? {} : { problems: error.problems }),
    ...error.more,
  };
  return context.body(JSON.stringify(body), error.status, { 'content-type': 'application/problem+json' });
}
