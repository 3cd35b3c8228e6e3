import { endsSoon } from '../../base/validity.ts';
import type { CertificateFacts } from '../machine.ts';
import { error, type Finding, ok, warning } from './finding.ts';

const day = 86_400_000;

/** @param all none where everything is in plain text */
export function certificateFindings(all: readonly CertificateFacts[], now: number): readonly Finding[] {
  if (all.length === 0) return [ok('certificates.plain', 'xDS and admin API are in plain text, so there are none')];
  return all.flatMap(each => findingsOf(each, now));
}

function findingsOf({ of, faults, ends, chain, open }: CertificateFacts, now: number): readonly Finding[] {
  return [
    ...(faults.length === 0
      ? [ok('certificates.files', `certificate, key and authorities of ${of} belong together`)]
      : faults.map(({ file, why, remedy }) => error('certificates.files', `${file}: ${why}`, remedy))),
    ...ends.map(each => expiryFinding(each, now)),
    ...(chain === undefined
      ? []
      : [
          warning('certificates.chain', chain, 'put what lies between it and its authority after it, in the same file'),
        ]),
    ...open.map(file =>
      error('certificates.access', `the private key ${file} can be read by others than its owner`, `chmod 600 ${file}`),
    ),
  ];
}

function expiryFinding({ file, from, at }: CertificateFacts['ends'][number], now: number): Finding {
  const id = 'certificates.expiry';
  const left = Math.floor((at - now) / day);
  const date = new Date(at).toISOString().slice(0, 10);
  if (at <= now) return error(id, `${file} was good until ${date}`, 'renew it');
  if (endsSoon({ from, to: at }, now))
    return warning(id, `${file} is good for ${left} days only, until ${date}`, 'renew it');
  return ok(id, `${file} is good until ${date}`);
}
