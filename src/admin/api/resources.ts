import { z } from 'zod';
import { type Kind, kinds } from '../../policy/kinds.ts';
import { fieldChanges } from './effect.ts';
import { authored, choice, flag, noBody, operation, pageQuery, writeQuery } from './operation.ts';
import { ErrorReply, ProblemReply, type Reply, span } from './reply.ts';
import { writeReply } from './writes.ts';

/** What a resource is, as the policy's schema of its kind says; it is read by that. */
const Spec = z.record(z.string(), z.unknown());

const kindEnum = z.enum(['services', 'gateways', 'routes', 'fleets']);

export const DeclaredReply = z
  .object({
    kind: kindEnum.describe('What it is.'),
    name: z.string().describe('Its name, which is its own among those of its kind.'),
    owner: z.enum(['files', 'api']).describe('Who may change it: the policy files, or callers of this API.'),
    version: z.string().describe('Names its content; the `ETag`. Equal contents have equal versions.'),
    ...span,
    takesOver: z.object(span).optional().describe('Where the policy files declare it as well, without effect.'),
    spec: Spec.describe('As it was written.'),
  })
  .meta({ id: 'Declared', description: 'A resource of the declared policy.' });
export type DeclaredReply = Reply<typeof DeclaredReply>;

const ResourceWriteReply = writeReply({
  resource: DeclaredReply.optional().describe('What there is now; absent where there is none any more.'),
  revision: z.int().optional().describe('The revision that it made, or the one in force where nothing changes.'),
  warnings: z.array(ProblemReply).describe('Of the whole policy.'),
}).meta({ id: 'ResourceWrite', description: 'Answer to a write of a resource.' });
export type ResourceWriteReply = Reply<typeof ResourceWriteReply>;

/** Body of 409 and 412: what there is, beside what is wrong. */
export const ConflictReply = ErrorReply.extend({
  current: DeclaredReply.optional().describe('What there is now.'),
  since: fieldChanges
    .optional()
    .describe('What others have changed since the version that the request names, where that is still known.'),
  difference: fieldChanges.optional().describe('What the request would change of what there is now.'),
}).meta({ id: 'Conflict', description: 'A write that meets something else than it expects.' });
export type ConflictReply = Reply<typeof ConflictReply>;

const declaredWrite = {
  ...writeQuery,
  takeOver: flag('Also what the policy files declare: what is written here holds in place of theirs.'),
  allowShrink: flag('Also if it takes all or more than half of its endpoints from a service that fleets use.'),
};

const conditions = {
  'if-match': 'Version of which it must be, as `ETag` gave it; `*`: it must be there.',
  'if-none-match': '`*`: it must not be there yet.',
};
const { headers } = authored;

const conflicts = {
  409: 'It belongs to the policy files, and `takeOver` is not given; or the request with this key is another.',
  412: 'It is not what `If-Match` or `If-None-Match` want; the body says what is different.',
  422: 'The policy would have errors; they are listed.',
} as const;
/** Of what changes something that is there. */
const conflictsOrGone = { ...conflicts, 404: 'There is no such resource.' } as const;

/** What one of each kind is called. */
export const singular = { services: 'service', gateways: 'gateway', routes: 'route', fleets: 'fleet' } as const;
const upper = <T extends string>(text: T) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}` as Capitalize<T>;

/** One of each kind. */
const examples: Readonly<Record<Kind, Readonly<Record<string, unknown>>>> = {
  services: { endpoints: [{ address: '10.0.0.11:8080' }], connectTimeout: '1s' },
  gateways: { listeners: [{ port: 8000, protocol: 'http' }] },
  routes: { gateways: ['public'], hosts: ['shop.example'], rules: [{ name: 'all', to: [{ service: 'catalog' }] }] },
  fleets: { match: { cluster: 'edge' }, gateways: ['public'] },
};

/** The operations on resources of a kind. */
function resourceOperations<K extends Kind>(kind: K) {
  const one = singular[kind];
  const about = { family: 'Resources', params: { name: `Name of the ${one}.` } } as const;
  const spec = z.record(z.string(), z.unknown()).meta({ id: `${upper(one)}Spec`, description: `What a ${one} is.` });
  const all = `/api/v1/${kind}` as `/api/v1/${K}`;
  const single = `/api/v1/${kind}/{name}` as `/api/v1/${K}/{name}`;
  const items = z
    .object({
      resources: z.array(DeclaredReply).describe('By name.'),
      next: z.string().optional().describe('`cursor` of the next page; absent on the last.'),
    })
    .meta({ id: `${upper(kind)}List`, description: `Some ${kind} of the declared policy.` });
  const made = { 200: ResourceWriteReply, 201: ResourceWriteReply, 202: ResourceWriteReply };
  return {
    list: operation({
      id: `list${upper(kind)}`,
      method: 'get',
      path: all,
      family: 'Resources',
      summary: `The declared ${kind}`,
      doc: kinds[kind].doc,
      query: {
        ...pageQuery,
        name: z.string().optional().describe('Those with this in their name.'),
        owner: choice(['files', 'api'], 'Those that belong to the policy files, or to this API.'),
      },
      answers: { 200: items },
    }),
    read: operation({
      ...about,
      id: `read${upper(one)}`,
      method: 'get',
      path: single,
      summary: `A declared ${one}, as it was written`,
      headers: { 'if-none-match': 'Version that is known: 304 if it is still of that.' },
      answers: { 200: DeclaredReply, 304: noBody },
      errors: { 404: `There is no such ${one}.` },
    }),
    create: operation({
      id: `create${upper(one)}`,
      method: 'post',
      path: all,
      family: 'Resources',
      summary: `Makes a ${one}`,
      headers,
      query: declaredWrite,
      body: z
        .strictObject({ name: z.string().min(1).max(63).describe('Its name.'), spec })
        .meta({ id: `New${upper(one)}`, description: `A ${one} to be made.` }),
      example: { name: `my-${one}`, spec: examples[kind] },
      answers: made,
      problem: ConflictReply,
      errors: { ...conflicts, 412: `There is a ${one} of this name already.` },
    }),
    replace: operation({
      ...about,
      id: `replace${upper(one)}`,
      method: 'put',
      path: single,
      summary: `Puts a ${one} in the place of what there is, or makes it`,
      headers: { ...headers, ...conditions },
      query: declaredWrite,
      body: spec,
      example: examples[kind],
      answers: made,
      problem: ConflictReply,
      errors: conflicts,
    }),
    patch: operation({
      ...about,
      id: `patch${upper(one)}`,
      method: 'patch',
      path: single,
      summary: `Changes some fields of a ${one}`,
      doc: 'The body is a JSON merge patch (RFC 7396): null removes a field, lists are replaced as a whole.',
      headers: { ...headers, 'if-match': conditions['if-match'] },
      query: declaredWrite,
      body: Spec,
      example: Object.fromEntries(Object.entries(examples[kind]).slice(-1)),
      answers: { 200: ResourceWriteReply, 202: ResourceWriteReply },
      problem: ConflictReply,
      errors: conflictsOrGone,
    }),
    remove: operation({
      ...about,
      id: `delete${upper(one)}`,
      method: 'delete',
      path: single,
      summary: `Deletes a ${one} that was made by API`,
      doc: 'One that was taken over from the policy files becomes what they declare again.',
      headers: { ...headers, 'if-match': conditions['if-match'] },
      query: declaredWrite,
      answers: { 200: ResourceWriteReply, 202: ResourceWriteReply },
      problem: ConflictReply,
      errors: conflictsOrGone,
    }),
  };
}

/** Those of all kinds. */
export const resources = {
  services: resourceOperations('services'),
  gateways: resourceOperations('gateways'),
  routes: resourceOperations('routes'),
  fleets: resourceOperations('fleets'),
};

const named = {
  kind: kindEnum.describe('Of which kind.'),
  name: z.string().min(1).max(63).describe('Its name.'),
};
const ifMatch = z.string().max(64).optional().describe('Version of which it must be; `*`: it must be there.');

const ChangeBody = z
  .discriminatedUnion('action', [
    z.strictObject({
      action: z.literal('put').describe('Puts it in the place of what there is, or makes it.'),
      ...named,
      spec: Spec.describe('What it is.'),
      ifMatch,
      ifNoneMatch: z.literal('*').optional().describe('It must not be there yet.'),
    }),
    z.strictObject({
      action: z.literal('patch').describe('Changes some fields, by a JSON merge patch.'),
      ...named,
      patch: Spec.describe('The patch.'),
      ifMatch,
    }),
    z.strictObject({ action: z.literal('delete').describe('Deletes it.'), ...named, ifMatch }),
  ])
  .meta({ id: 'Change', description: 'A change of one resource.' });
export type ChangeBody = z.input<typeof ChangeBody>;

const TransactionBody = z
  .strictObject({
    changes: z.array(ChangeBody).min(1).max(1000).describe('Done in this order, all or nothing.'),
  })
  .meta({ id: 'Transaction', description: 'Changes that are made together.' });
export type TransactionBody = z.input<typeof TransactionBody>;

const TransactionReply = writeReply({
  resources: z.array(DeclaredReply).describe('What there is now of what was put or patched.'),
  revision: z.int().optional().describe('The revision that it made, or the one in force where nothing changes.'),
  warnings: z.array(ProblemReply).describe('Of the whole policy.'),
}).meta({ id: 'TransactionWrite', description: 'Answer to a transaction.' });
export type TransactionReply = Reply<typeof TransactionReply>;

export const transact = operation({
  id: 'transact',
  method: 'post',
  path: '/api/v1/transactions',
  family: 'Resources',
  summary: 'Changes many resources together, all or nothing',
  doc: 'They are validated as a whole, make one revision, and come to proxies at once.',
  headers,
  query: declaredWrite,
  body: TransactionBody,
  example: {
    changes: [
      { action: 'put', kind: 'services', name: 'reviews', spec: examples.services },
      { action: 'delete', kind: 'services', name: 'ratings' },
    ],
  },
  answers: { 200: TransactionReply, 202: TransactionReply },
  problem: ConflictReply,
  errors: conflictsOrGone,
});
