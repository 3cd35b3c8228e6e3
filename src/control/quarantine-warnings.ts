import { oneLine, shortened } from '../base/one-line.ts';
import { type Problem, problem } from '../base/problem.ts';
import type { FleetIr } from '../ir/ir.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Quarantine } from '../policy/operational-state.ts';
import type { SourceMap } from '../policy/source-map.ts';
import { originIn } from './origin.ts';
import { hasLastGood } from './quarantines.ts';

const hint =
  'change it and save; if the cause lay with the proxies, "switchyard quarantine release" sends it to them again';

/** Of what proxies say, so many characters are told; the admin API has all of it. */
const MOST_WORDS = 400;

/** A warning for each content that is not sent, at what the user wrote. */
export function quarantineWarnings(
  build: { readonly policy: Policy; readonly fleets: readonly FleetIr[] },
  sources: SourceMap,
  quarantines: readonly Quarantine[],
): readonly Problem[] {
  return quarantines.map(each => {
    const { fleet: fleetKey, typeUrl, name, message } = each;
    const origin = originIn(build, sources, { fleetKey, typeUrl, name }, { words: message });
    const resource = `${typeUrl.slice(typeUrl.lastIndexOf('.') + 1)} "${name}"`;
    const instead = hasLastGood(each) ? 'its last good content is sent instead' : 'it is left out';
    const words = shortened(oneLine(message), MOST_WORDS);
    const what = `The proxies of fleet "${fleetKey}" reject ${resource}, so ${instead}: ${words}`;
    const found = problem('proxy.quarantined', origin?.path ?? [], what, hint);
    return origin?.source ? { ...found, source: origin.source } : found;
  });
}
