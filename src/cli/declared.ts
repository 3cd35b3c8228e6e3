import { type DeclaredReply, problemReply, resources } from '../admin/api.ts';
import { hasErrors } from '../base/problem.ts';
import { documentProblems } from '../ir/check-draft.ts';
import { type Kind, kindNames } from '../policy/kinds.ts';
import { parse } from '../policy/parse.ts';
import { resourcesIn } from '../policy/read-document.ts';
import { call } from './call.ts';
import type { AdminFlags, CliHost } from './host.ts';
import { CliFailure } from './output.ts';
import { countProblems, problemText } from './problem-text.ts';

/** `services/catalog`, `service/catalog` or `services`. @throws CliFailure that says what there is. */
export function readTarget(text: string): { readonly kind: Kind; readonly name?: string } {
  const [word = '', ...rest] = text.split('/');
  const kind = kindNames.find(each => each === word || each === `${word}s`);
  if (!kind || rest.length > 1) {
    throw new CliFailure(`"${text}" is no resource: give KIND/NAME, with a kind of ${kindNames.join(', ')}`);
  }
  const [name] = rest;
  return name === undefined || name === '' ? { kind } : { kind, name };
}

/** Both, or it is an error. */
export function readResource(text: string): { readonly kind: Kind; readonly name: string } {
  const { kind, name } = readTarget(text);
  if (name === undefined) throw new CliFailure(`say which of the ${kind}: ${kind}/NAME`);
  return { kind, name };
}

/** All declared resources of a kind, page after page. */
export async function listDeclared(host: CliHost, flags: AdminFlags, kind: Kind): Promise<readonly DeclaredReply[]> {
  const all: DeclaredReply[] = [];
  let cursor: string | undefined;
  do {
    const query = { limit: '1000', ...(cursor === undefined ? {} : { cursor }) };
    const { body } = await call(host, flags, resources[kind].list, { query });
    all.push(...body.resources);
    cursor = body.next;
  } while (cursor !== undefined);
  return all;
}

interface Put {
  readonly action: 'put';
  readonly kind: Kind;
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
}

/** What policy files declare, as changes that put it. @throws CliFailure when they have mistakes of their own. */
export async function readPuts(host: CliHost, path: string): Promise<readonly Put[]> {
  const { documents, problems } = await host.readDocuments(path);
  const found = documentProblems(parse(documents), problems).filter(each => !isOfOthers(each.code));
  if (hasErrors(found)) {
    const replies = found.map(problemReply);
    for (const each of replies) host.err(problemText(each));
    throw new CliFailure(`${countProblems(replies)}: mend the files first`);
  }
  return documents.flatMap(document =>
    resourcesIn(document, documents).map(({ kind, name, raw }) => ({
      action: 'put' as const,
      kind,
      name,
      spec: (raw ?? {}) as Record<string, unknown>,
    })),
  );
}

/** Files may refer to what only the server has: the server checks that. */
const isOfOthers = (code: string): boolean => !/^(file|syntax|schema)\./.test(code) && code !== 'policy.duplicate_name';
