import { didYouMean } from '../base/suggest.ts';
import { quote } from './document.ts';
import { type AnySchema, choicesOf, coreOf, isRecord, objectsAt, type Step } from './schema-walk.ts';

/** What an unknown key was meant to be: here, one level up or down, beside it, or in another form of the same thing. */
export function keyHint(steps: readonly Step[], key: string): string | undefined {
  const here = steps.at(-1);
  if (!here) return undefined;
  const shapes = shapesOf(here);
  const allowed = [...new Set(shapes.flatMap(shape => Object.keys(shape)))];
  const used = isRecord(here.value) ? here.value : {};
  const near = didYouMean(
    key,
    allowed.filter(each => !Object.hasOwn(used, each)),
  );
  if (near) return near;
  const up = steps.slice(0, -1).findLast(step => shapesOf(step).length > 0);
  const above = up ? shapesOf(up) : [];
  if (above.some(shape => Object.hasOwn(shape, key))) return `${quote(key)} stands one level up`;
  const other = otherForm(here, key);
  if (other) return other;
  const around = [...shapes, ...above].flatMap(shape => Object.entries(shape)).find(([, child]) => holds(child, key));
  if (around) return `${quote(key)} stands inside ${quote(around[0])}`;
  return allowed.length > 0 ? `keys here: ${allowed.join(', ')}` : undefined;
}

const shapesOf = (step: Step) => step.schemas.flatMap(schema => objectsAt(schema, step.value));

function holds(schema: AnySchema, key: string): boolean {
  const core = coreOf(schema);
  if (core.kind === 'list') return holds(core.item, key);
  if (core.kind === 'record') return holds(core.value, key);
  return objectsAt(schema, undefined).some(shape => Object.hasOwn(shape, key));
}

/** A key of another branch of a discriminated union: `choiceCount` under `policy: roundRobin`. */
function otherForm(here: Step, key: string): string | undefined {
  for (const schema of here.schemas) {
    const core = coreOf(schema);
    if (core.kind !== 'union' || core.discriminator === undefined) continue;
    const tag = core.discriminator;
    const tags = objectsAt(schema, undefined)
      .filter(shape => Object.hasOwn(shape, key))
      .flatMap(shape => (shape[tag] ? (choicesOf(shape[tag]) ?? []) : []));
    if (tags.length > 0) return `${quote(key)} goes with ${tag}: ${tags.join(' or ')}`;
  }
  return undefined;
}
