import type { FreezeReply, PolicyReply, ServerReply } from '../../admin/api.ts';
import { ago, count } from '../output.ts';
import { error, type Finding, ok, skipped, warning } from './finding.ts';

/** A server that answers. */
export interface ServerFacts {
  readonly url: string;
  readonly server: ServerReply;
  readonly policy: PolicyReply;
  readonly freeze: FreezeReply;
}

/** Milliseconds by which two clocks may differ before certificates, tokens and times that people compare go wrong. */
export const tolerated = 5000;

export function serverFindings(
  { url, server, policy, freeze }: ServerFacts,
  cli: string,
  now: number,
): readonly Finding[] {
  const ahead = Date.parse(server.now) - now;
  return [
    ok('server.reachable', `the server at ${url} answers, and takes the token`),
    server.version === cli
      ? ok('server.version', `Switchyard ${server.version}, started ${ago(server.startedAt, now)}`)
      : warning(
          'server.version',
          `the server is Switchyard ${server.version}, this command is ${cli}`,
          'use the command that came with the server',
        ),
    Math.abs(ahead) < tolerated
      ? ok('server.clock', 'its clock and that of this machine agree')
      : warning(
          'server.clock',
          `its clock is ${apart(ahead)} that of this machine`,
          'have both follow the same time servers',
        ),
    ...policyFindings(policy, now),
    frozenFinding(freeze, now),
    ...healthFindings(policy),
  ];
}

function policyFindings({ revision, rejected }: PolicyReply, now: number): readonly Finding[] {
  const id = 'server.policy';
  const held = revision
    ? [ok(id, `revision ${revision.number} is in force, ${ago(revision.at, now)} by ${revision.author}`)]
    : [
        error(
          id,
          'no policy is in force, so no proxy is served',
          'save a good policy; "switchyard validate" says what is wrong with one',
        ),
      ];
  if (!rejected) return held;
  const [first] = rejected.problems;
  const where = first?.file === undefined ? '' : `${first.file}:${first.line}:${first.column}: `;
  const why = first ? `: ${where}${first.message} [${first.code}]` : '';
  const more = rejected.problems.length > 1 ? `, and ${rejected.problems.length - 1} more` : '';
  const remedy = first?.hint ?? '"switchyard status" shows all of it';
  return [...held, error(id, `the save of ${ago(rejected.at, now)} was refused${why}${more}`, remedy)];
}

function frozenFinding({ frozen, waitingCount }: FreezeReply, now: number): Finding {
  if (!frozen) return ok('server.frozen', 'what is accepted is published');
  const why = frozen.reason === undefined ? '' : ` (${frozen.reason})`;
  const message = `frozen at revision ${frozen.revision} since ${ago(frozen.since, now)} by ${frozen.by}${why}; ${count(waitingCount, 'change')} waiting`;
  return warning('server.frozen', message, 'switchyard thaw publishes them');
}

/** What the server says of itself and of its policy, beside what the files say. */
function healthFindings({ warnings, quarantines }: PolicyReply): readonly Finding[] {
  const id = 'server.health';
  const own = warnings.filter(each =>
    /^(store|audit|tokens|tls|override|service\.(unresolved_name|name_shrunk)|policy\.)/.test(each.code),
  );
  const found = [
    ...own.map(each => {
      const text = `${each.message} [${each.code}]`;
      const remedy = each.hint ?? `docs/errors.md#${each.code.replace('.', '')} says what to do`;
      return each.severity === 'error' ? error(id, text, remedy) : warning(id, text, remedy);
    }),
    ...quarantines.map(({ fleet, type, name }) =>
      warning(
        id,
        `${type} ${name} is not sent to fleet ${fleet}, whose proxies reject it`,
        '"switchyard quarantine list" shows why',
      ),
    ),
  ];
  return found.length > 0 ? found : [ok(id, 'it has nothing to say of its store, its tokens and its certificates')];
}

/** `12s ahead of`, `3s behind`. */
export function apart(ahead: number): string {
  const seconds = Math.round(Math.abs(ahead) / 1000);
  return `${seconds}s ${ahead > 0 ? 'ahead of' : 'behind'}`;
}

/** No server is there: whether that is a fault depends on whether one should be. */
export function unreachable(why: string, expected: boolean): Finding {
  const remedy = 'start it with "switchyard serve", or say where it is with --admin, --data and --token';
  return expected
    ? error('server.reachable', why, remedy)
    : skipped('server.reachable', 'no server runs here, so it and its Envoys are not looked at');
}
