import type { ProblemReply } from '../admin/api.ts';
import { escaped } from '../base/one-line.ts';
import { printable } from './output.ts';

/** Workflow commands: GitHub shows each problem at its line of a pull request. */
export function githubText(problems: readonly ProblemReply[]): string {
  return printable(problems)
    .map(({ severity, file, line, column, code, message, hint, path }) => {
      const place = file === undefined ? {} : { file, line: String(line), col: String(column) };
      const properties = Object.entries({ ...place, title: code }).map(([key, value]) => `${key}=${inProperty(value)}`);
      const words = [message, [path, hint].filter(Boolean).join(': ')].filter(text => text !== '').join('\n');
      return `::${severity} ${properties.join(',')}::${inData(words)}\n`;
    })
    .join('');
}

/** As a runner of GitHub reads them back. */
const inData = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const inProperty = (text: string) => inData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** A SARIF 2.1.0 log with one run: what code scanning and editors read. */
export function sarifText(version: string, problems: readonly ProblemReply[]): string {
  const codes = [...new Set(problems.map(each => each.code))].sort();
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'switchyard', version, rules: codes.map(id => ({ id })) } },
        columnKind: 'utf16CodeUnits',
        results: problems.map(each => ({
          ruleId: each.code,
          ruleIndex: codes.indexOf(each.code),
          level: each.severity,
          message: { text: each.hint === undefined ? each.message : `${each.message} (${each.hint})` },
          locations: [location(each)],
        })),
      },
    ],
  };
  return escaped(`${JSON.stringify(log, undefined, 2)}\n`);
}

function location({ file, line, column, path }: ProblemReply) {
  return {
    ...(file === undefined
      ? {}
      : {
          physicalLocation: {
            artifactLocation: { uri: uriOf(file) },
            region: { startLine: line, startColumn: column },
          },
        }),
    ...(path === '' ? {} : { logicalLocations: [{ fullyQualifiedName: path }] }),
  };
}

/** A relative path stays relative: to where the command ran, which is the checkout. */
function uriOf(file: string): string {
  const parts = file.split('/').map(encodeURIComponent).join('/');
  return file.startsWith('/') ? `file://${parts}` : parts;
}
