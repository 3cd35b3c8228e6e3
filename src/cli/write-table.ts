import type { OverrideWriteReply } from '../admin/api.ts';

/** What a write of operational state has led to, in words. */
export function writeTable(reply: OverrideWriteReply): string {
  const lines = [
    reply.override ? `${reply.override.target}: ${reply.override.effect}` : 'the override has ended',
    ...(reply.override?.why ? [reply.override.why] : []),
    reply.changed
      ? `changed what these fleets hold: ${reply.fleets.join(', ') || 'none'}`
      : 'nothing changed in any fleet',
    ...(reply.acknowledged ? [reply.acknowledged.summary] : []),
    ...(reply.acknowledged?.missing.map(each => `  missing: ${each.id} (${each.fleet}): ${each.why}`) ?? []),
  ];
  return `${lines.join('\n')}\n`;
}
