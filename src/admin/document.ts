import type { HttpBindings } from '@hono/node-server';
import type { OpenAPIHono, RouteConfig } from '@hono/zod-openapi';
import { z } from 'zod';
import { kindJsonSchema } from '../policy/json-schema.ts';
import { kindNames } from '../policy/kinds.ts';
import { errorsOf, families, noBody, type Operation, roleOf } from './api/operation.ts';
import { ErrorReply } from './api/reply.ts';
import { singular } from './api/resources.ts';

/** The API in the making. */
export type Api = OpenAPIHono<{ Bindings: HttpBindings }>;

/** An operation as the OpenAPI document shows it. */
export function documented(operation: Operation): RouteConfig {
  const {
    id,
    method,
    path,
    family,
    summary,
    doc,
    params = {},
    query,
    headers = {},
    body,
    example,
    answers,
    problem = ErrorReply,
  } = operation;
  const role = roleOf(operation);
  return {
    operationId: id,
    method,
    path,
    tags: [family],
    summary,
    description: [...(doc === undefined ? [] : [doc]), ...accessOf(operation)].join('\n\n'),
    security: role === 'none' ? [] : [{ token: [] }],
    'x-switchyard-role': role,
    request: {
      ...(Object.keys(params).length === 0 ? {} : { params: texts(params) }),
      ...(query ? { query: z.object(query) } : {}),
      ...(Object.keys(headers).length === 0 ? {} : { headers: optionalTexts(headers) }),
      ...(body ? { body: { required: true, content: { 'application/json': { schema: body, example } } } } : {}),
    },
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, each]) => [status, success(Number(status), each)])),
      ...Object.fromEntries(
        Object.entries(errorsOf(operation)).map(([status, description]) => [
          status,
          { description, content: { 'application/problem+json': { schema: problem } } },
        ]),
      ),
    },
  };
}

/** What an operation takes of its caller, and whether it can be rehearsed. */
function accessOf(operation: Operation): readonly string[] {
  const role = roleOf(operation);
  const taken = role === 'none' ? 'No token is needed.' : `The token must be of the role \`${role}\` or above.`;
  const rehearsed = 'dryRun' in (operation.query ?? {}) ? [' With `dryRun=true` nothing changes.'] : [];
  return [[taken, ...rehearsed].join('')];
}

type Texts = Readonly<Record<string, string>>;

const texts = (docs: Texts) =>
  z.object(Object.fromEntries(Object.entries(docs).map(([name, doc]) => [name, z.string().describe(doc)])));

const optionalTexts = (docs: Texts) =>
  z.object(Object.fromEntries(Object.entries(docs).map(([name, doc]) => [name, z.string().optional().describe(doc)])));

const words: Readonly<Record<number, string>> = {
  200: 'Done.',
  201: 'Made.',
  202: 'Done, but not by all yet: the body says who is missing and why.',
  204: 'Done.',
  304: 'It is what the caller has already.',
  503: 'Not yet: the body says why.',
};

function success(status: number, answer: Operation['answers'][number]) {
  const description = words[status] ?? '';
  if (!answer || answer === noBody) return { description };
  if ('mediaType' in answer) return { description, content: { [answer.mediaType]: { schema: z.string() } } };
  return { description, content: { 'application/json': { schema: answer } } };
}

/** The document of all operations that are served. */
export function openApiDocument(api: Pick<Api, 'getOpenAPI31Document'>): Readonly<Record<string, unknown>> {
  const document = api.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Switchyard admin API',
      version: '1',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      description: 'What operators see, change, preview and follow. Errors are `application/problem+json` (RFC 9457).',
    },
    servers: [{ url: '/' }],
    tags: Object.entries(families).map(([name, description]) => ({ name, description })),
  });
  const { webhooks: _, ...rest } = document;
  return { ...rest, components: { ...rest.components, schemas: { ...rest.components?.schemas, ...kindSchemas() } } };
}

/** What resources are, as the schemas of the policy say it to editors. */
function kindSchemas(): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    kindNames.map(kind => {
      const one = singular[kind];
      return [`${one.slice(0, 1).toUpperCase()}${one.slice(1)}Spec`, kindJsonSchema(kind)];
    }),
  );
}
