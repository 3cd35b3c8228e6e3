import { parseAddress } from '../base/address.ts';
import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import type { OutOfBandReports } from '../policy/load-reports.ts';
import type { Service } from '../policy/service.ts';
import { overHttp } from './over-http.ts';

/** Whether what balancing goes by can be reported at all. */
export function checkLoadReports(path: PolicyPath, service: Service): readonly Problem[] {
  const at = [...path, 'loadBalancing'];
  const { loadBalancing } = service;
  const { zones } = loadBalancing;
  const within = loadBalancing.policy === 'clientSideWeightedRoundRobin' ? loadBalancing : undefined;
  return [
    ...(within ? checkReports(at, service, within.outOfBand, 'all endpoints would be given the same') : []),
    ...(zones.mode === 'byLoad' && !(within && zones.outOfBand === undefined)
      ? checkReports([...at, 'zones'], service, zones.outOfBand, 'everything would stay in the zone of the proxy')
      : []),
  ];
}

function checkReports(
  path: PolicyPath,
  service: Service,
  outOfBand: OutOfBandReports | undefined,
  otherwise: string,
): readonly Problem[] {
  if (outOfBand) return checkPort([...path, 'outOfBand', 'port'], service, outOfBand);
  if (overHttp(service)) return [];
  const message = `The endpoints speak ${service.protocol}, where answers tell nothing of load: ${otherwise}.`;
  const hint = 'declare `outOfBand`, with the port at which endpoints report; or balance by something else';
  return [problem('service.load_never_reported', path, message, hint)];
}

function checkPort(path: PolicyPath, { endpoints }: Service, { port }: OutOfBandReports): readonly Problem[] {
  const socket = endpoints.find(each => parseAddress(each.address)?.kind === 'unix');
  if (port === undefined || !socket) return [];
  const message = `port has no effect for ${socket.address}: it is a Unix socket, so that reports are asked for there.`;
  return [problem('service.option_without_effect', path, message)];
}
