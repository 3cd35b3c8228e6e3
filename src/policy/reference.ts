import { z } from 'zod';
import { inline } from './describe.ts';
import { formats } from './field.ts';
import { type Field, listFields } from './fields.ts';
import { type Kind, kindNames, kinds } from './kinds.ts';
import { type AnySchema, choicesOf, coreOf, inputOf } from './schema-walk.ts';

/** The page of the reference that says what every field does, made from the schemas. */
export function renderReference(): string {
  const fields = listFields();
  const sections = kindNames.map(kind => renderKind(kind, fields));
  return `${intro}\n${sections.join('\n')}`;
}

const intro = `# The policy, field by field

<!-- Made from the schemas in src/policy; UPDATE_DOCS=1 node --test test/unit/policy/reference.test.ts writes it anew. -->

A policy is a mapping with the keys ${kindNames.map(kind => `\`${kind}\``).join(', ')}, in one file or spread over several, as YAML, JSON or
TypeScript (\`definePolicy\`). In the paths below \`*\` stands for a name that you choose and \`[]\` for each item of a list.
Unknown keys are errors. A **bold** field must be given.

| written as | means |
| --- | --- |
| duration | \`250ms\`, \`3s\`, \`1h30m\`, \`7d\`; whole milliseconds, at most a year |
| percentage | \`5%\`, \`0.5%\` |
| address | \`10.0.0.11:8080\`, \`[::1]:8080\`, \`db.internal:5432\` or \`unix:/run/app.sock\` |
| destination | a service, or one version of it: \`catalog\`, \`catalog@v1\` |
| name | 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit |
`;

function renderKind(kind: Kind, fields: readonly Field[]): string {
  const { doc, example } = kinds[kind];
  const own = fields.filter(({ path }) => path.startsWith(`${kind}.`));
  const rows = own.map(field => renderField(field, `${kind}.*.`));
  return [
    `## \`${kind}.*\``,
    '',
    doc,
    '',
    `Example: ${code(`${kind}: ${inline(example)}`)}`,
    '',
    '| field | type | default | what it does |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function renderField(field: Field, prefix: string): string {
  const { path, doc, required, forms } = field;
  const name = code(path.slice(prefix.length));
  const parts = [doc.doc];
  if (forms.length > 0) parts.push(`Only with ${forms.map(code).join(', ')}.`);
  if (doc.unit !== undefined) parts.push(`Unit: ${doc.unit}.`);
  if (doc.placeholder !== undefined) parts.push('May hold a [variable](../guides/policy-files.md#variables).');
  if (doc.why !== undefined) parts.push(`*Default: ${doc.why}.*`);
  if (doc.example !== undefined) parts.push(`Example: ${code(inline(doc.example))}`);
  const value = 'default' in field ? code(inline(field.default)) : '';
  return `| ${required ? `**${name}**` : name} | ${typeOf(field)} | ${value} | ${parts.join(' ').replaceAll('|', '\\|')} |`;
}

const code = (text: string) => `\`${text}\``;

function typeOf({ schemas }: Field): string {
  const choices = schemas.flatMap(schema => choicesOf(schema) ?? []);
  if (choices.length > 0) return [...new Set(choices)].map(choice => code(String(choice))).join(', ');
  const [schema] = schemas;
  return schema ? typeText(schema) : '';
}

function typeText(schema: AnySchema): string {
  const choices = choicesOf(schema);
  if (choices) return choices.map(choice => code(String(choice))).join(', ');
  const core = coreOf(schema);
  if (core.kind === 'object') return 'mapping';
  if (core.kind === 'list') return `list: ${typeText(core.item)}`;
  if (core.kind === 'record') return `names → ${typeText(core.value)}`;
  if (core.kind === 'union') return [...new Set(core.options.map(typeText))].join(' or ');
  const leaf = inputOf(core.schema);
  const format = formats.get(leaf);
  if (format) return format.name;
  if (leaf instanceof z.core.$ZodString) return 'text';
  if (leaf instanceof z.core.$ZodBoolean) return '`true`, `false`';
  return leaf instanceof z.core.$ZodNumber ? numberText(leaf) : 'any';
}

function numberText(schema: z.core.$ZodNumber): string {
  const { type, minimum, maximum } = z.toJSONSchema(schema);
  const bounds = [minimum, maximum].map(each => (each === undefined || Math.abs(each) > 2 ** 52 ? '' : String(each)));
  const kind = type === 'integer' ? 'whole number' : 'number';
  return bounds.some(bound => bound !== '') ? `${kind}, ${bounds.join('–')}` : kind;
}
