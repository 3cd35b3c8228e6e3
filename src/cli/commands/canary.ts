import type { Command } from 'commander';
import type { OverrideWriteReply, WeightsReply } from '../../admin/api.ts';
import { callAdmin } from '../client.ts';
import type { AdminFlags, CliHost } from '../host.ts';
import { outputOption, type WaitFlags, waitQuery, withAdminOptions, withWaitOptions } from '../options.ts';
import { CliFailure, type OutputFormat, render, renderTable } from '../output.ts';
import { writeTable } from '../write-table.ts';

type CanaryFlags = AdminFlags & WaitFlags & { readonly output: OutputFormat; readonly end?: boolean };

export function canaryCommand(program: Command, host: CliHost): void {
  const canary = program.command('canary').summary('shift traffic between versions');
  withWaitOptions(withAdminOptions(canary.command('weights')))
    .summary("show, set or end a shift of a rule's weights")
    .description(
      'Without weights: shows the declared and the effective ones. With weights: shifts the traffic, over the policy file,\n' +
        'until ended with --end. Name every destination of the rule.\n\n' +
        'Example: switchyard canary weights shop/everyone catalog@v1=90 catalog@v2=10 --wait',
    )
    .argument('<route/rule>', 'route and named rule')
    .argument('[destination=weight...]', 'e.g. catalog@v1=90 catalog@v2=10')
    .option('--end', 'end the shift: back to the declared weights')
    .addOption(outputOption())
    .action((target: string, weights: readonly string[], flags: CanaryFlags) =>
      weightsAction(host, target, weights, flags),
    );
}

async function weightsAction(
  host: CliHost,
  target: string,
  given: readonly string[],
  flags: CanaryFlags,
): Promise<void> {
  const [route, rule, ...rest] = target.split('/');
  if (!route || !rule || rest.length > 0) throw new CliFailure(`"${target}" is not ROUTE/RULE, e.g. shop/everyone`);
  if (flags.end && given.length > 0) throw new CliFailure('give weights or --end, not both');
  const path = `/api/v1/routes/${encodeURIComponent(route)}/rules/${encodeURIComponent(rule)}/weights`;
  if (!flags.end && given.length === 0) {
    const { body } = await callAdmin<WeightsReply>(host, flags, 'GET', path);
    host.out(render(body, flags.output, () => weightsTable(body)));
    return;
  }
  const query = waitQuery(flags);
  const answer = flags.end
    ? await callAdmin<OverrideWriteReply>(host, flags, 'DELETE', path + query)
    : await callAdmin<OverrideWriteReply>(host, flags, 'PUT', path + query, parseWeights(given));
  host.out(render(answer.body, flags.output, () => writeTable(answer.body)));
  if (answer.status === 202) throw new CliFailure('', 2);
}

function parseWeights(given: readonly string[]): Record<string, number> {
  const pairs = given.map(text => {
    const match = /^([a-z0-9@-]+)=(\d{1,7})$/.exec(text);
    if (!match?.[1]) throw new CliFailure(`"${text}" is not DESTINATION=WEIGHT, e.g. catalog@v2=10`);
    return [match[1], Number(match[2])] as const;
  });
  return Object.fromEntries(pairs);
}

function weightsTable(reply: WeightsReply): string {
  const rows = Object.keys(reply.declared).map(key => [key, String(reply.declared[key]), String(reply.effective[key])]);
  const { override } = reply;
  const note = override
    ? `shifted by ${override.by} since ${override.since}, ${override.effect}${override.why ? `: ${override.why}` : ''}\n`
    : 'not shifted\n';
  return renderTable(['DESTINATION', 'DECLARED', 'EFFECTIVE'], rows) + note;
}
