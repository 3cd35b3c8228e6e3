import { type ProblemReply, problemReply } from '../admin/api.ts';
import { shortened } from '../base/one-line.ts';
import { problem } from '../base/problem.ts';
import type { Resource } from '../base/resource.ts';
import type { FleetIr } from '../ir/ir.ts';
import { bundle } from '../snapshot/bundle.ts';
import { bootstrap, bootstrapDefaults } from '../translate/bootstrap.ts';
import { translate } from '../translate/translate.ts';
import type { CliHost } from './host.ts';
import type { OfflineBuild } from './offline.ts';
import { withProgress } from './progress.ts';

/** A bootstrap that nothing is ever started with. */
const base = bootstrap({
  node: { id: 'validate', cluster: 'validate' },
  xds: ['127.0.0.1:18000'],
  variant: 'delta',
  admin: '127.0.0.1:9901',
  ...bootstrapDefaults,
});

/** What an Envoy binary says of all that each fleet would hold, one fleet after the other; nothing where it takes it. */
export async function envoyProblems(
  host: CliHost,
  binary: string,
  { fleets, place }: OfflineBuild,
): Promise<readonly ProblemReply[]> {
  const found: ProblemReply[] = [];
  for (const [index, fleet] of fleets.entries()) {
    const resources = translate(fleet);
    const what = `asking ${binary} about fleet ${fleet.key} (${index + 1} of ${fleets.length})`;
    const words = await withProgress(host, what, host.envoyRefusal(binary, bundle(resources, base)));
    if (words === undefined) continue;
    const { path = '', ...source } = placeOf(place, fleet, resources, words);
    const message = `Envoy refuses what fleet "${fleet.key}" would hold: ${shortened(words, 600)}`;
    const hint = 'what it names is in Envoy\'s own form: "switchyard translate -o yaml" shows all of it';
    found.push({ ...problemReply(problem('envoy.refused', [], message, hint)), path, ...source });
  }
  return found;
}

/** The resource whose name is the longest that Envoy speaks of; the fleet where it speaks of none. */
function placeOf(place: OfflineBuild['place'], fleet: FleetIr, resources: readonly Resource[], words: string) {
  const [named] = resources.filter(each => words.includes(each.name)).sort((a, b) => b.name.length - a.name.length);
  return place(fleet, named, { words });
}
