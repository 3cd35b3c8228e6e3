import type { Command } from 'commander';
import { endShift, readWeights, shiftTraffic, type WeightsBody, type WeightsReply } from '../../admin/api.ts';
import { call } from '../call.ts';
import type { CliHost } from '../host.ts';
import { type WriteFlags, withExamples, withWriteOptions, writeQuery } from '../options.ts';
import { ago, CliFailure, printable, render, renderTable } from '../output.ts';
import { showWrite } from '../write-answer.ts';
import { canaryStatusCommand, shareText } from './canary-status.ts';

type CanaryFlags = WriteFlags & { readonly end?: boolean };

export function canaryCommand(program: Command, host: CliHost): void {
  const canary = program
    .command('canary')
    .summary('shift traffic between versions')
    .description('Shifts the traffic of a rule between its destinations, such as two versions of a service.');
  const weights = withWriteOptions(canary.command('weights'))
    .summary("show, set or end a shift of a rule's weights")
    .description(
      'Without weights: shows the declared and the effective ones. With weights: shifts the traffic, over the policy file, ' +
        'until ended with --end. Name every destination of the rule.',
    )
    .argument('<route/rule>', 'route and named rule')
    .argument('[destination=weight...]', 'e.g. catalog@v1=90 catalog@v2=10')
    .option('--end', 'end the shift: back to the declared weights')
    .action((target: string, given: readonly string[], flags: CanaryFlags) => shift(host, target, given, flags));
  const examples = [
    'switchyard canary weights shop/everyone',
    'switchyard canary weights shop/everyone catalog@v1=90 catalog@v2=10 --wait --reason "first tenth"',
    'switchyard canary weights shop/everyone catalog@v1=50 catalog@v2=50 --dry-run',
    'switchyard canary weights shop/everyone --end',
  ];
  canaryStatusCommand(canary, host);
  withExamples(canary, ['switchyard canary status', ...examples]);
  withExamples(weights, examples);
}

async function shift(host: CliHost, target: string, given: readonly string[], flags: CanaryFlags): Promise<void> {
  const [route, rule, ...rest] = target.split('/');
  if (!route || !rule || rest.length > 0) throw new CliFailure(`"${target}" is not ROUTE/RULE, e.g. shop/everyone`);
  if (flags.end && given.length > 0) throw new CliFailure('give weights or --end, not both');
  const params = { route, rule };
  if (!flags.end && given.length === 0) {
    const { body } = await call(host, flags, readWeights, { params });
    const table = () => weightsTable(printable(body), host.now());
    host.out(render(body, flags.output, { table, name: () => Object.keys(body.declared) }));
    return;
  }
  const query = writeQuery(flags);
  const answer = flags.end
    ? await call(host, flags, endShift, { params, query })
    : await call(host, flags, shiftTraffic, { params, query, body: parseWeights(given) });
  showWrite(host, flags.output, answer);
}

function parseWeights(given: readonly string[]): WeightsBody {
  const weights = new Map<string, number>();
  for (const text of given) {
    const match = /^([a-z0-9-]+(?:@[a-z0-9-]+)?)=(\d{1,7})$/.exec(text);
    if (!match?.[1]) throw new CliFailure(`"${text}" is not DESTINATION=WEIGHT, e.g. catalog@v2=10`);
    if (weights.has(match[1])) throw new CliFailure(`${match[1]} is given two weights`);
    weights.set(match[1], Number(match[2]));
  }
  return Object.fromEntries(weights);
}

const ofNew = 'new callers; others stay where there is any weight';
const ofAll = 'all callers, by a hash; a change moves only as many as it is about';

function weightsTable({ declared, effective, override, sticky, hashed }: WeightsReply, at: number): string {
  const total = Object.values(effective).reduce((sum, weight) => sum + weight, 0);
  const rows = Object.entries(declared).map(([destination, weight]) => {
    const now = effective[destination] ?? 0;
    return [destination, String(weight), String(now), shareText(now, total)];
  });
  const since = override ? `${ago(override.since, at)} by ${override.by}` : '';
  const why = override?.why ? `: ${override.why}` : '';
  const note = override ? `shifted ${since}, ${override.effect}${why}` : 'not shifted';
  const kept = sticky ? `sticky: the shares are those of ${hashed ? ofAll : ofNew}\n` : '';
  return `${renderTable(['DESTINATION', 'DECLARED', 'EFFECTIVE', 'SHARE'], rows)}${note}\n${kept}`;
}
