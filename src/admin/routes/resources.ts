import type { EditOutcome } from '../../control/edit.ts';
import type { Edit } from '../../control/edits.ts';
import { type Kind, kindNames } from '../../policy/kinds.ts';
import { resourceId } from '../../policy/owner.ts';
import { type AskedWrite, answerWrite, type Written } from '../acknowledgement.ts';
import type { BodyOf } from '../api/operation.ts';
import { problemReply, type ResourceWriteReply, resources, transact } from '../api.ts';
import { entityTag, hasVersion, readIfMatch, readIfNone, versionsIn } from '../conditions.ts';
import { declaredAt, declaredNow, declaredReply, refusalError, resourcePage } from '../declared.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { readAuthorship } from '../input.ts';
import { KnownVersions } from '../known-versions.ts';
import { ApiError } from '../problem-json.ts';
import { type Api, answer, serve } from '../serve.ts';

/** Resources of the declared policy: those of files to be read, those of the API to be written as well. */
export function resourceRoutes(api: Api, dependencies: AdminDependencies): void {
  const known = new KnownVersions();
  for (const kind of kindNames) kindRoutes(api, dependencies, kind, known);
  serve(api, transact, async asked => {
    const edits = asked.body.changes.map(editOf);
    const outcome = await write(dependencies, asked, edits, known);
    const touched = new Map(edits.map(each => [resourceId(each), outcome.declared.get(resourceId(each))]));
    const now = [...touched.values()].flatMap(each => (each ? [declaredReply(each)] : []));
    return answerWrite(asked, dependencies, {
      effect: outcome.effect,
      plan: outcome.plan,
      more: { resources: now, ...about(outcome) },
    });
  });
}

function kindRoutes(api: Api, dependencies: AdminDependencies, kind: Kind, known: KnownVersions): void {
  const { control } = dependencies;
  const operations = resources[kind];
  serve(api, operations.list, ({ query }) => {
    const page = resourcePage(declaredNow(control), kind, query);
    for (const each of page.resources) known.remember(each);
    return answer(200, page);
  });
  serve(api, operations.read, ({ context, params }) => {
    const found = declaredAt(declaredNow(control), kind, params.name);
    known.remember(found);
    const headers = { etag: entityTag(found.version) };
    if (hasVersion(context, found.version)) return new Response(null, { status: 304, headers });
    return answer(200, declaredReply(found), headers);
  });
  const one = async (asked: AskedEdit, edit: Edit) => answerOne(asked, dependencies, edit, known);
  serve(api, operations.create, asked => {
    const { name, spec } = asked.body;
    return one(asked, { kind, name, change: { kind: 'put', spec }, ifNone: true });
  });
  serve(api, operations.replace, asked => {
    return one(asked, {
      kind,
      name: asked.params.name,
      change: { kind: 'put', spec: asked.body },
      ...conditions(asked),
    });
  });
  serve(api, operations.patch, async asked => {
    const change = { kind: 'patch', patch: asked.body } as const;
    return existing(await one(asked, { kind, name: asked.params.name, change, ...conditions(asked) }));
  });
  serve(api, operations.remove, async asked => {
    const change = { kind: 'delete' } as const;
    return existing(await one(asked, { kind, name: asked.params.name, change, ...conditions(asked) }));
  });
}

interface AskedEdit extends AskedWrite {
  readonly query: AskedWrite['query'] & {
    readonly reason?: string;
    readonly takeOver?: boolean;
    readonly allowShrink?: boolean;
    readonly duringFreeze?: boolean;
  };
}

/** @throws ApiError when it was not done. */
async function write(
  { control }: AdminDependencies,
  asked: AskedEdit,
  edits: readonly Edit[],
  known: KnownVersions,
): Promise<Extract<EditOutcome, { readonly kind: 'done' }>> {
  const { takeOver = false, allowShrink = false, duringFreeze = false, dryRun = false } = asked.query;
  const options = { takeOver, allowShrink, duringFreeze, dryRun };
  const outcome = await control.edit(edits, { ...readAuthorship(asked), ...options });
  if (outcome.kind === 'done') return outcome;
  if (outcome.kind === 'refused') {
    const { refusal } = outcome;
    const edit = edits.find(each => each.kind === refusal.kind && each.name === refusal.name);
    throw refusalError(refusal, edit?.ifMatch, known);
  }
  const problems = outcome.problems.map(problemReply);
  throw new ApiError(422, 'Invalid policy', 'The policy would have errors; nothing has changed.', { problems });
}

type Answer = Written<ResourceWriteReply>;

async function answerOne(
  asked: AskedEdit,
  dependencies: AdminDependencies,
  edit: Edit,
  known: KnownVersions,
): Promise<
  (Answer | { readonly status: 201; readonly body: ResourceWriteReply }) & { headers: Record<string, string> }
> {
  const id = resourceId(edit);
  const before = declaredNow(dependencies.control).get(id);
  const outcome = await write(dependencies, asked, [edit], known);
  const now = outcome.declared.get(id);
  if (now) known.remember(now);
  const more = { ...(now ? { resource: declaredReply(now) } : {}), ...about(outcome) };
  const { effect, plan } = outcome;
  const { status, body } = await answerWrite(asked, dependencies, { effect, plan, more });
  const headers: Record<string, string> = now
    ? { etag: entityTag(now.version), location: `/api/v1/${edit.kind}/${encodeURIComponent(edit.name)}` }
    : {};
  const isNew = now !== undefined && before === undefined && asked.query.dryRun !== true;
  if (status === 202) return { status, body, headers };
  return { status: isNew ? 201 : 200, body, headers } as Awaited<ReturnType<typeof answerOne>>;
}

/** What is not made cannot be answered with 201. */
function existing(given: Awaited<ReturnType<typeof answerOne>>) {
  if (given.status === 201) return { ...given, status: 200 } as const;
  return given;
}

function about({
  revision,
  warnings,
}: Extract<EditOutcome, { readonly kind: 'done' }>): Pick<ResourceWriteReply, 'revision' | 'warnings'> {
  return {
    ...(revision ? { revision: revision.number } : {}),
    warnings: warnings.map(problemReply),
  };
}

function conditions({ context }: AskedEdit): Pick<Edit, 'ifMatch' | 'ifNone'> {
  const ifMatch = readIfMatch(context);
  return { ...(ifMatch === undefined ? {} : { ifMatch }), ifNone: readIfNone(context) };
}

function editOf(change: BodyOf<typeof transact>['changes'][number]): Edit {
  const { kind, name } = change;
  const ifMatch = versionsIn(change.ifMatch);
  const about = { kind, name, ...(ifMatch === undefined ? {} : { ifMatch }) };
  if (change.action === 'delete') return { ...about, change: { kind: 'delete' } };
  if (change.action === 'patch') return { ...about, change: { kind: 'patch', patch: change.patch } };
  return { ...about, change: { kind: 'put', spec: change.spec }, ifNone: change.ifNoneMatch === '*' };
}
