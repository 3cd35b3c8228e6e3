import type { Command } from 'commander';
import { type TraceBody, type TraceReply, traceRequest } from '../../admin/api.ts';
import { servedTypes } from '../../base/resource.ts';
import type { FleetIr } from '../../ir/ir.ts';
import { readableResources } from '../../snapshot/readable.ts';
import { requestLine, tracedRequest } from '../../trace/question.ts';
import { TraceError, traceReport } from '../../trace/report.ts';
import { translate } from '../../translate/translate.ts';
import { call } from '../call.ts';
import type { CliHost } from '../host.ts';
import { goodBuild, type OfflineBuild } from '../offline.ts';
import { type ClientFlags, withClientOptions, withExamples } from '../options.ts';
import { CliFailure, painter, printable, render } from '../output.ts';
import { traceText } from '../trace-text.ts';

type TraceFlags = ClientFlags & {
  readonly method: string;
  readonly header: readonly string[];
  readonly fleet?: string;
  readonly proxy?: string;
  readonly listener?: string;
  readonly policy?: string;
};

export function traceCommand(program: Command, host: CliHost): void {
  const command = withClientOptions(program.command('trace'))
    .summary('say where a request goes, and why')
    .description(
      'Follows a request through what the Envoys of a fleet were sent: which listener, host and rule take it, why each rule ' +
        'before does not, and what becomes of it. No Envoy is asked and nothing is sent to an application. With --policy it ' +
        'needs no server and follows the request through the files as they are.\n' +
        'Exit code 0: a rule takes the request; 2: none does.',
    )
    .argument('<url>', 'URL, or path alone; its port says which listener is meant')
    .option('-X, --method <method>', 'method of the request', 'GET')
    .option('-H, --header <line>', 'a header, such as "x-lane: beta"; may be given several times', collected, [])
    .option('--fleet <key>', 'fleet of Envoys (default: the only one)')
    .option('--proxy <id>', 'the fleet of this proxy')
    .option('--listener <name>', "listener of the fleet (default: that of the URL's port, or the only one)")
    .option('--policy <path>', 'policy file or folder, instead of a server')
    .action(async (url: string, flags: TraceFlags) => {
      const asked = question(url, flags);
      const reply =
        flags.policy === undefined ? await askServer(host, flags, asked) : await offline(host, flags, asked);
      host.out(
        render(reply, flags.output, {
          table: () => traceText(printable(reply), painter(host)),
          name: () => ruleNames(reply),
        }),
      );
      if (reply.outcome.kind === 'unrouted') throw new CliFailure('', 2);
    });
  withExamples(command, [
    'switchyard trace http://shop.example.com/cart',
    'switchyard trace http://shop.example.com/cart -X POST -H "x-lane: beta" -H "cookie: user=7" --fleet edge',
    'switchyard trace /cart --policy switchyard.yaml -o json',
  ]);
}

/** The rule that takes it. */
const ruleNames = ({ rules }: TraceReply) => rules.flatMap(each => (each.taken ? [each.name] : []));

const collected = (line: string, lines: readonly string[]): readonly string[] => [...lines, line];

function question(url: string, { method, header, fleet, proxy, listener }: TraceFlags): TraceBody {
  const headers = new Map<string, string[]>();
  for (const line of header) {
    const [, name, value = ''] = /^\s*(:?[^:\s]+)\s*:\s*(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new CliFailure(`"${line}" is no header: write "name: value"`);
    headers.set(name, [...(headers.get(name) ?? []), value]);
  }
  return {
    url,
    method,
    headers: Object.fromEntries(headers),
    ...(fleet === undefined ? {} : { fleet }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(listener === undefined ? {} : { listener }),
  };
}

async function askServer(host: CliHost, flags: TraceFlags, asked: TraceBody): Promise<TraceReply> {
  return (await call(host, flags, traceRequest, { body: asked })).body;
}

async function offline(host: CliHost, { policy = '', proxy }: TraceFlags, asked: TraceBody): Promise<TraceReply> {
  if (proxy !== undefined) throw new CliFailure('--proxy needs a server: without one, name the --fleet');
  const build = await goodBuild(host, policy, asked.fleet);
  const [fleet] = build.fleets;
  if (!fleet || build.fleets.length > 1) {
    throw new CliFailure(
      `there are several fleets, name one with --fleet: ${build.fleets.map(each => each.key).join(', ')}`,
    );
  }
  return replyOf(build, fleet, asked);
}

function replyOf(
  { place }: OfflineBuild,
  fleet: FleetIr,
  { url, method = 'GET', headers = {}, listener }: TraceBody,
): TraceReply {
  const line = requestLine(url);
  if (!line)
    throw new CliFailure(`"${url}" is neither a URL nor a path, such as http://shop.example.com/cart or /cart`);
  const resources = translate(fleet);
  const { listeners, routes } = readableResources(resources);
  const at = listener ?? line.port;
  try {
    const report = traceReport(
      { listeners, table: name => routes.find(each => each.name === name) },
      { request: tracedRequest(line, method, headers), ...(at === undefined ? {} : { listener: at }) },
    );
    const table = resources.find(each => each.type === servedTypes.route && each.name === report.routeTable);
    const rules = report.rules.map(rule => ({ ...rule, ...(table ? place(fleet, table, rule) : {}) }));
    return { fleet: fleet.key, ...report, rules };
  } catch (error) {
    if (error instanceof TraceError) throw new CliFailure(`${error.message}; ${error.hint}`);
    throw error;
  }
}
