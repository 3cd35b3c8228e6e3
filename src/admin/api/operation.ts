import { z } from 'zod';
import { parseDuration } from '../../base/units.ts';
import type { Readable } from './reply.ts';

/** What a caller must be to do something; each may do what those before it may. */
export type Role = 'viewer' | 'operator' | 'admin';

/** The groups in which operations are shown. */
export const families = {
  Process: 'Whether the server lives and works.',
  Proxies: 'Which proxy holds what, and what they reject.',
  Policy: 'What is in force.',
  Resources: 'The declared policy, resource by resource.',
  Fleets: 'What fleets hold.',
  Endpoints: 'How proxies find endpoints, and what is set over those declared.',
  Operation: 'What happens, who did what, and who may.',
  Traffic: 'Weights of rules, and pages in place of services.',
} as const;

type ParamNames<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamNames<Rest>
  : never;

/** An answer that is not JSON: its media type. */
export interface Raw {
  readonly mediaType: string;
}

/**
 * One request that the API understands. The server, the OpenAPI document, the reference and clients are all made from
 * it. What every operation may answer, such as 401, is not named here (see `errorsOf`).
 */
export interface Operation<Path extends string = string> {
  /** Its name in the document and in clients: `listProxies`. */
  readonly id: string;
  readonly method: 'get' | 'put' | 'post' | 'patch' | 'delete';
  /** `/api/v1/fleets/{fleet}/snapshot`. */
  readonly path: Path;
  /** The last parameter may hold slashes. */
  readonly slashes?: true;
  readonly family: keyof typeof families;
  /** What it does, in one line without a full stop. */
  readonly summary: string;
  /** What else there is to know. */
  readonly doc?: string;
  /** Absent: `viewer` for what reads by GET, `operator` for all else. `none`: no token is needed. */
  readonly role?: Role | 'none';
  /** Its answer tells of all fleets: it is not for tokens that are confined to some. */
  readonly ofAllFleets?: true;
  /** What each parameter of the path is. */
  readonly params?: Readonly<Record<ParamNames<Path>, string>>;
  /** Each is read from one text; a schema whose text means nothing says so in its own words. */
  readonly query?: z.core.$ZodShape;
  /** Headers that it understands, with what they mean. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType;
  /** A body as somebody may send it. */
  readonly example?: unknown;
  /** What it changes is not kept: it needs no store. */
  readonly unstored?: true;
  /** By status. */
  readonly answers: Readonly<Record<number, z.ZodType | Raw>>;
  /** Status → when. */
  readonly errors?: Readonly<Record<number, string>>;
  /** Body of its errors, where that says more than others do. */
  readonly problem?: z.ZodType;
}

/** Declares an operation. */
export function operation<const Path extends string, const O extends Operation<Path>>(
  declared: O & { readonly path: Path },
): O {
  return declared;
}

export type ParamsOf<O extends Operation> = Readonly<Record<ParamNames<O['path']>, string>>;

type ShapeOf<O extends Operation> = O['query'] extends z.core.$ZodShape ? O['query'] : Record<never, never>;
/** As handlers read it. */
export type QueryOf<O extends Operation> = Readable<z.output<z.ZodObject<ShapeOf<O>>>>;
/** As clients write it. */
export type QueryInput<O extends Operation> = Readable<z.input<z.ZodObject<ShapeOf<O>>>>;

export type BodyOf<O extends Operation> = O['body'] extends z.ZodType ? z.output<O['body']> : undefined;
export type BodyInput<O extends Operation> = O['body'] extends z.ZodType ? Readable<z.input<O['body']>> : undefined;

/** What it answers, by status. */
export type AnswerOf<O extends Operation> = {
  [Status in keyof O['answers'] & number]: O['answers'][Status] extends z.ZodType
    ? { readonly status: Status; readonly body: Readable<z.output<O['answers'][Status]>> }
    : never;
}[keyof O['answers'] & number];

/** The role that it takes. */
export function roleOf({ role, method }: Operation): Role | 'none' {
  return role ?? (method === 'get' ? 'viewer' : 'operator');
}

/** An answer without a body. */
export const noBody: Raw = { mediaType: '' };

const shared: Readonly<Record<number, string>> = {
  401: 'No token, or a wrong one.',
  429: 'Too many requests, of this token or with wrong ones from this address; `Retry-After` says when to ask again.',
  403: 'A host name that is not allowed, a request on behalf of another site, or a token that may not do this.',
  500: "A fault of the server; its log says more. Whether the request was carried out isn't known.",
};
const ofBodies: Readonly<Record<number, string>> = {
  400: 'The body is not JSON, or a query parameter means nothing.',
  413: 'The body is too large.',
  415: 'The body is not said to be JSON.',
  422: 'The body has the wrong shape, or contradicts the policy.',
};
const ofWrites: Readonly<Record<number, string>> = {
  400: 'A query parameter means nothing, or `dryRun` is asked of what cannot be rehearsed.',
};
const ofStored: Readonly<Record<number, string>> = {
  503: 'The store cannot be written; nothing has changed.',
  507: 'The disk of the data directory is full; nothing has changed.',
};

/** Whether it can change something. */
export const isWriting = (operation: Operation): boolean =>
  operation.method !== 'get' && roleOf(operation) !== 'viewer';

/** Whether there is a parameter that does not take every text. */
const canBeWrong = ({ query = {} }: Operation): boolean =>
  Object.values(query).some(each => !z.safeParse(each, '\0'.repeat(5000)).success);

/** All errors that an operation may answer with, each with its reason. */
export function errorsOf(operation: Operation): Readonly<Record<number, string>> {
  const role = roleOf(operation);
  return {
    ...(role === 'none' ? { 500: shared[500] ?? '' } : shared),
    ...(canBeWrong(operation) ? { 400: 'A query parameter means nothing.' } : {}),
    ...(isWriting(operation) ? ofWrites : {}),
    ...(isWriting(operation) && !operation.unstored ? ofStored : {}),
    ...(operation.body ? ofBodies : {}),
    ...(operation.headers?.['idempotency-key'] ? { 409: 'The `Idempotency-Key` was used with another request.' } : {}),
    ...operation.errors,
  };
}

/** `?force`, `?force=true` or `?force=false`. */
export const flag = (doc: string) =>
  z
    .enum(['', 'true', 'false'], { error: 'is neither true nor false' })
    .transform(text => text !== 'false')
    .optional()
    .describe(doc);

export const choice = <const T extends readonly [string, ...string[]]>(choices: T, doc: string) =>
  z.enum(choices, { error: 'is unknown' }).optional().describe(doc);

/** Items of a page. */
const usualPage = 100;
const longestPage = 1000;

/** How long the page of a list may be. */
export const pageLimit = z
  .string()
  .regex(/^[1-9]\d*$/, { error: 'is not a number above 0' })
  .transform(Number)
  .refine(limit => limit <= longestPage, { error: `is more than ${longestPage}` })
  .prefault(String(usualPage))
  .describe(`At most so many, up to ${longestPage}; ${usualPage} by default.`);

/** Which page of a list. */
export const pageQuery = {
  limit: pageLimit,
  cursor: z.string().max(4000, { error: 'is too long' }).optional().describe('`next` of the page before.'),
};

/** Milliseconds. */
const longestWait = 60_000;

/** How to be answered when proxies hold what was written. */
const waitQuery = {
  wait: choice(['acked'], 'Answer only when every connected proxy that it concerns has acknowledged.'),
  timeout: z
    .string()
    .transform((text, context) => {
      const time = parseDuration(text);
      if (time !== undefined && time <= longestWait) return time;
      context.addIssue({ code: 'custom', message: 'is not a duration up to 60s' });
      return z.NEVER;
    })
    .optional()
    .describe('With `wait`: how long, up to `60s`; `5s` by default.'),
};

const longestReason = 200;

/** Who makes a change, and why. */
export const authored = {
  headers: {
    'x-switchyard-author': 'Who does it; at most 200 characters.',
    'idempotency-key':
      'A key of your choice: the same request with it is carried out once, and answered the same again.',
  },
  reason: z
    .string()
    .transform(text => text.slice(0, longestReason))
    .optional()
    .describe('Why; at most 200 characters are kept.'),
};

/** For what is to come to proxies although everything is frozen. */
export const duringFreeze = flag('Publish it although everything is frozen; all else goes on waiting.');

/** Of writes that change what proxies hold: to be told what one would lead to. */
export const dryRunQuery = { dryRun: flag('Change nothing: answer what it would lead to, as `effect`.') };

/** What writes understand that change what proxies hold. */
export const waitingQuery = { ...waitQuery, ...dryRunQuery };

/** What writes of operational state understand. */
export const writeQuery = { ...waitingQuery, duringFreeze, reason: authored.reason };
