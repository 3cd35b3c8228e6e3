import type { Command } from 'commander';
import { didYouMean } from '../../base/suggest.ts';
import { inline } from '../../policy/describe.ts';
import { type Field, listFields } from '../../policy/fields.ts';
import { policyJsonSchema } from '../../policy/json-schema.ts';
import { renderReference } from '../../policy/reference.ts';
import type { CliHost } from '../host.ts';
import { withExamples } from '../options.ts';
import { CliFailure, renderTable } from '../output.ts';

export function explainCommand(program: Command, host: CliHost): void {
  const command = program
    .command('explain')
    .summary('say what a field of the policy does')
    .description('Says what a field does, what it is by default and why, and which fields stand below it.')
    .argument('[field]', 'path of the field, e.g. services.endpoints.weight; absent: the kinds')
    .option('--json-schema', 'print the JSON Schema of the whole policy, for editors')
    .option('--reference', 'print the reference of all fields, as Markdown')
    .action((wanted: string | undefined, flags: { readonly jsonSchema?: boolean; readonly reference?: boolean }) => {
      if (flags.jsonSchema) host.out(`${JSON.stringify(policyJsonSchema(), undefined, 2)}\n`);
      else if (flags.reference) host.out(renderReference());
      else host.out(explain(listFields(), wanted ?? ''));
    });
  withExamples(command, [
    'switchyard explain routes.rules.retries',
    'switchyard explain --json-schema > policy.schema.json',
  ]);
}

/** `services.*.endpoints[].weight` as people say it: `services.endpoints.weight`. */
const spoken = (path: string) => path.replaceAll(/\.\*|\[\]|\[\d+\]/g, '');

function explain(fields: readonly Field[], wanted: string): string {
  const field = find(fields, wanted);
  const path = spoken(field?.path ?? wanted);
  const prefix = path === '' ? '' : `${path}.`;
  const below = fields.filter(each => {
    const name = spoken(each.path);
    return name.startsWith(prefix) && name !== path && !name.slice(prefix.length).includes('.');
  });
  if (path !== '' && !field) {
    throw new CliFailure(`the policy has no field "${wanted}"; ${hintFor(fields, path)}`);
  }
  const rows = below.map(each => [spoken(each.path).slice(prefix.length), each.doc.doc]);
  return `${field ? about(field) : ''}${rows.length > 0 ? `\n${renderTable(['FIELD', 'WHAT IT DOES'], rows)}` : ''}`;
}

/** The field of that path, be it said without the names that users choose, or as a problem shows it, with them. */
function find(fields: readonly Field[], wanted: string): Field | undefined {
  const path = spoken(wanted);
  const said = fields.find(each => spoken(each.path) === path);
  return said ?? fields.find(each => withNames(each.path).test(wanted));
}

const withNames = (path: string) =>
  new RegExp(`^${path.replaceAll(/\*|\[\]|\./g, part => ({ '*': '[^.]+', '[]': '(\\[\\d*\\])?' })[part] ?? '\\.')}$`);

function hintFor(fields: readonly Field[], path: string): string {
  const paths = fields.map(each => spoken(each.path));
  const ending = paths.filter(each => each.endsWith(`.${path}`)).slice(0, 5);
  if (ending.length > 0) return `there is ${ending.join(', ')}`;
  return didYouMean(path, paths) ?? '"switchyard explain" lists the kinds';
}

function about(field: Field): string {
  const { doc } = field;
  const lines = [
    field.path,
    `  ${doc.doc}`,
    ...(field.forms.length > 0 ? [`  only with: ${field.forms.join(', ')}`] : []),
    ...(doc.unit === undefined ? [] : [`  unit: ${doc.unit}`]),
    field.required ? '  must be given' : `  default: ${doc.why ?? inline(field.default)}`,
    ...(doc.example === undefined ? [] : [`  example: ${inline(doc.example)}`]),
  ];
  return `${lines.join('\n')}\n`;
}
