import { didYouMean } from '../../base/suggest.ts';
import { typeLabel } from '../../base/type-name.ts';
import type { Control } from '../../control/control.ts';
import type { Quarantine } from '../../policy/operational-state.ts';
import { answerWrite } from '../acknowledgement.ts';
import { endQuarantine, listQuarantines, type QuarantineReply } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { placesIn } from '../places.ts';
import { ApiError } from '../problem-json.ts';
import { quarantineReply } from '../rejection-replies.ts';
import { type Api, answer, serve } from '../serve.ts';
import { seenBy } from '../visible.ts';

/** Contents that are not sent to a fleet, since its proxies reject them; and how to send one again. */
export function quarantineRoutes(api: Api, dependencies: AdminDependencies): void {
  const { control } = dependencies;
  serve(api, listQuarantines, ({ context }) => {
    const mine = quarantineReplies(control).filter(each => seenBy(context)(each.fleet));
    return answer(200, { quarantines: mine });
  });
  serve(api, endQuarantine, async asked => {
    const { fleet, name } = asked.params;
    const { dryRun = false } = asked.query;
    const { typeUrl } = quarantineAt(control, asked.params);
    const outcome = await control.changeQuarantine({ release: { fleet, typeUrl, name } }, { dryRun });
    if (outcome.kind !== 'done') throw new ApiError(404, 'Not found', outcome.what);
    return answerWrite(asked, dependencies, { effect: outcome.effect, plan: outcome.plan, more: {} });
  });
}

/** All that are in force. */
export function quarantineReplies(control: Control): readonly QuarantineReply[] {
  const { accepted } = control;
  const places = placesIn(control);
  return accepted?.quarantines.map(each => quarantineReply(each, accepted, places)) ?? [];
}

type Asked = Readonly<Record<'fleet' | 'type' | 'name', string>>;

const listed = 10;

/** @throws ApiError 404 that says what there is. */
function quarantineAt({ accepted }: Control, { fleet, type, name }: Asked): Quarantine {
  const all = accepted?.quarantines ?? [];
  const label = (each: Quarantine) => `${each.fleet} ${typeLabel(each.typeUrl)} ${each.name}`;
  const found = all.find(
    each => each.fleet === fleet && each.name === name && typeLabel(each.typeUrl).toUpperCase() === type.toUpperCase(),
  );
  if (found) return found;
  const known = all.map(label);
  const some = `in quarantine: ${known.slice(0, listed).join(', ')}${known.length > listed ? ', …' : ''}`;
  throw new ApiError(404, 'Not found', `${type} "${name}" of fleet "${fleet}" is not in quarantine.`, {
    hint: known.length === 0 ? 'nothing is' : (didYouMean(`${fleet} ${type} ${name}`, known) ?? some),
  });
}
