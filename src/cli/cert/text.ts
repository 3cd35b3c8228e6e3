import { count, type Paint, printable, renderTable, type Style } from '../output.ts';
import { type CertificateReport, type CertReport, type FileReport, type State, states } from './report.ts';

interface Row {
  readonly file: string;
  readonly what: string;
  readonly names: string;
  readonly goodFor: string;
  readonly ends: string;
  readonly left: string;
  readonly state: State;
  readonly more: readonly string[];
}

const words: Readonly<Record<State, { readonly word: string; readonly style: Style }>> = {
  broken: { word: 'broken', style: 'red' },
  expired: { word: 'expired', style: 'red' },
  notYet: { word: 'not yet valid', style: 'red' },
  soon: { word: 'renew it', style: 'yellow' },
  good: { word: 'good', style: 'green' },
};

/** A row for each certificate, key and list, the worst first; below what is wrong stands what to do about it. */
export function certText(report: CertReport, paint: Paint, wide = false): string {
  const { files } = printable(report);
  const rows = files.flatMap(rowsOf).sort((a, b) => states.indexOf(a.state) - states.indexOf(b.state));
  const header = ['FILE', 'WHAT', 'NAMES', 'GOOD FOR', 'ENDS', 'DAYS', 'STATE'];
  const cells = rows.map(each => [
    ...[each.file, each.what, each.names, each.goodFor, each.ends, each.left, words[each.state].word],
    ...(wide ? each.more : []),
  ]);
  const styles = new Map(Object.values(words).map(({ word, style }) => [word, style]));
  const painted = (cell: string, padded: string) => {
    const style = styles.get(cell);
    return style === undefined ? padded : paint(style, padded);
  };
  const table =
    rows.length === 0
      ? ''
      : renderTable([...header, ...(wide ? ['SUBJECT', 'SIGNED BY', 'KEY', 'FINGERPRINT'] : [])], cells, painted);
  return (
    table +
    files.flatMap(faultsOf).join('') +
    summary(
      files.map(each => each.state),
      paint,
    )
  );
}

function rowsOf({ file, state, certificates, keys, lists }: FileReport): readonly Row[] {
  const place = (index: number) => (certificates.length > 1 ? `${file} ${index + 1}` : file);
  const nothing = { names: '', goodFor: '', ends: '', left: '', more: [] };
  const rows = [
    ...certificates.map((each, index) => certificateRow(place(index), each)),
    ...keys.map(({ kind, of, state }) => {
      return { ...nothing, file, what: 'key', goodFor: of.join(', '), state, more: ['', '', kind] };
    }),
    ...lists.map(({ to, daysLeft, state }) => {
      const ends = to === undefined ? { ends: 'unsaid', left: '' } : { ends: to.slice(0, 10), left: String(daysLeft) };
      return { ...nothing, file, what: 'revoked', ...ends, state };
    }),
  ];
  return rows.length > 0 ? rows : [{ ...nothing, file, what: '', state }];
}

function certificateRow(file: string, each: CertificateReport): Row {
  const authority = each.goodFor.includes('authority');
  return {
    file,
    what: authority ? 'authority' : 'certificate',
    names: each.names.length > 0 ? each.names.join(', ') : each.subject,
    goodFor: authority ? 'signing' : each.goodFor.join(', '),
    ends: each.to.slice(0, 10),
    left: String(each.daysLeft),
    state: each.state,
    more: [each.subject, each.signedBy ?? each.issuer, each.key, each.fingerprint],
  };
}

const faultsOf = ({ file, faults }: FileReport) =>
  faults.map(({ why, remedy }) => `${file}: ${why}\n  hint: ${remedy}\n`);

function summary(found: readonly State[], paint: Paint): string {
  const of = (...wanted: readonly State[]) => found.filter(each => wanted.includes(each)).length;
  const [bad, soon] = [of('broken', 'expired', 'notYet'), of('soon')];
  if (bad + soon === 0) return `${paint('green', 'all good')}\n`;
  const parts = [
    ...(bad > 0 ? [`${count(bad, 'file')} expired or broken`] : []),
    ...(soon > 0 ? [`${count(soon, 'file')} to be renewed`] : []),
  ];
  return `${paint(bad > 0 ? 'red' : 'yellow', parts.join(', '))}\n`;
}
