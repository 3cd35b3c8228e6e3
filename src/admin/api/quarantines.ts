import { z } from 'zod';
import { operation, waitingQuery } from './operation.ts';
import { QuarantineReply } from './rejections.ts';
import type { Reply } from './reply.ts';
import { WriteReply } from './writes.ts';

const QuarantinesReply = z
  .object({ quarantines: z.array(QuarantineReply).describe('All that are in force.') })
  .meta({ id: 'Quarantines', description: 'What is not sent to fleets.' });
export type QuarantinesReply = Reply<typeof QuarantinesReply>;

export const listQuarantines = operation({
  id: 'listQuarantines',
  method: 'get',
  path: '/api/v1/quarantines',
  family: 'Proxies',
  summary: 'What is not sent to a fleet, since its proxies reject it',
  answers: { 200: QuarantinesReply },
});

export const endQuarantine = operation({
  id: 'endQuarantine',
  method: 'delete',
  path: '/api/v1/quarantines/{fleet}/{type}/{name}',
  slashes: true,
  family: 'Proxies',
  summary: 'Sends what is in quarantine again',
  doc: 'For causes that are gone. Proxies that still reject it keep their last good content, and it comes back.',
  params: {
    fleet: 'Key of the fleet.',
    type: '`CDS`, `EDS`, `LDS`, `RDS`, `RTDS`, or the last part of the long name of the type.',
    name: "The resource's name.",
  },
  query: waitingQuery,
  answers: { 200: WriteReply, 202: WriteReply },
  errors: { 404: 'It is not in quarantine.' },
});
