import type { Command } from 'commander';
import { listProxies, type OverrideReply, type ProxiesReply, readPolicy, readWeights } from '../../admin/api.ts';
import { call } from '../call.ts';
import type { CliHost } from '../host.ts';
import { type ClientFlags, type ReadFlags, withExamples, withReadOptions } from '../options.ts';
import { ago, printable, renderTable } from '../output.ts';
import { type Reading, read } from '../reading.ts';

/** A shift, with what the weights of its rule come to while it has effect. */
interface Shifted {
  readonly rule: string;
  readonly override: OverrideReply;
  readonly declared?: Readonly<Record<string, number>>;
  readonly effective?: Readonly<Record<string, number>>;
}

interface CanaryStatus {
  readonly shifts: readonly Shifted[];
  readonly counts: ProxiesReply['counts'];
}

export function canaryStatusCommand(canary: Command, host: CliHost): void {
  const command = withReadOptions(canary.command('status'))
    .summary('which rules are shifted, and whether all proxies have it')
    .description(
      'Shows every rule whose weights are shifted: what is declared, what holds, since when and by whom, and whether the ' +
        'proxies have what they are to hold.\n' +
        'Exit code 0: they all have; 2: one has not, a shift waits for its rule to come back, or no proxy is connected.',
    )
    .action((flags: ClientFlags & ReadFlags) => read(host, flags, () => look(host, flags)));
  withExamples(command, ['switchyard canary status', 'switchyard canary status --watch']);
}

async function look(host: CliHost, flags: ClientFlags): Promise<Reading> {
  const { overrides } = (await call(host, flags, readPolicy, {})).body;
  const shifts: Shifted[] = [];
  for (const override of overrides) if (override.kind === 'shift') shifts.push(await shifted(host, flags, override));
  const { counts } = (await call(host, flags, listProxies, { query: { limit: '1' } })).body;
  const status: CanaryStatus = { shifts, counts };
  const good = counts.length > 0 && counts.every(each => each.state === 'synced');
  return {
    value: status,
    table: () => statusText(printable(status), host.now()),
    name: () => shifts.map(each => each.rule),
    code: good && shifts.every(({ override }) => override.effect === 'active') ? 0 : 2,
  };
}

async function shifted(host: CliHost, flags: ClientFlags, override: OverrideReply): Promise<Shifted> {
  const [, route = '', , rule = ''] = override.target.split('/');
  const name = `${route}/${rule}`;
  if (override.effect !== 'active') return { rule: name, override };
  const { declared, effective } = (await call(host, flags, readWeights, { params: { route, rule } })).body;
  return { rule: name, override, declared, effective };
}

function statusText({ shifts, counts }: CanaryStatus, now: number): string {
  const head = ['RULE', 'DESTINATION', 'DECLARED', 'EFFECTIVE', 'SHARE', 'SHIFTED'];
  const rows = shifts.flatMap(each => rowsOf(each, now));
  return `${rows.length === 0 ? 'no rule is shifted\n' : renderTable(head, rows)}${proxiesText(counts)}`;
}

function rowsOf({ rule, override, declared = {}, effective = {} }: Shifted, now: number): readonly string[][] {
  const { weights = {}, since, by, effect, why, reason } = override;
  const note = [`${ago(since, now)} by ${by}, ${effect}`, why, reason].filter(each => each !== undefined).join(': ');
  const total = Object.values(effective).reduce((sum, weight) => sum + weight, 0);
  return Object.keys(weights).map((destination, index) => {
    const weight = effective[destination];
    return [
      index === 0 ? rule : '',
      destination,
      cell(declared[destination]),
      cell(weight),
      weight === undefined ? '-' : shareText(weight, total),
      index === 0 ? note : '',
    ];
  });
}

const cell = (weight: number | undefined) => (weight === undefined ? '-' : String(weight));

/** `10.0%`. */
export const shareText = (weight: number, total: number) =>
  total === 0 ? '-' : `${((100 * weight) / total).toFixed(1)}%`;

function proxiesText(counts: ProxiesReply['counts']): string {
  if (counts.length === 0) return 'no proxy is connected\n';
  const byState = new Map<string, number>();
  for (const { state, count } of counts) byState.set(state, (byState.get(state) ?? 0) + count);
  const states = [...byState].map(([state, count]) => `${count} ${state}`).join(', ');
  const more = byState.size === 1 && byState.has('synced') ? '' : '; "switchyard status" shows them';
  return `proxies: ${states}${more}\n`;
}
