import { type Mistake, quote } from './document.ts';
import { namePattern, nameRule } from './field.ts';

/** What is wrong with a name that a resource was given, with a name to take instead. */
export function nameMistake(text: string): Omit<Mistake, 'path'> | undefined {
  if (namePattern.test(text)) return undefined;
  const suggestion = suggestName(text);
  return {
    code: 'schema.invalid_name',
    message: `the name ${quote(text)} ${nameRule}`,
    hint: suggestion === undefined ? undefined : `for example ${quote(suggestion)}`,
  };
}

/** True for the pattern of names, as an issue of zod tells it. */
export function isNamePattern(pattern: string | undefined): boolean {
  return pattern === String(namePattern);
}

/** The valid name nearest to a text: `Catalog_V2` → `catalog-v2`. */
export function suggestName(text: string): string | undefined {
  const near = text
    .slice(0, 200)
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return namePattern.test(near) && near !== text ? near : undefined;
}
