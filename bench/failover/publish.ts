import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { page, type Results, tables } from './results.ts';

const guide = path.join(import.meta.dirname, '..', '..', 'docs', 'guides', 'failover.md');
const block = /(<!-- measured: made by npm run bench -- failover -->\n)[\s\S]*?(<!-- end of measured -->)/;

const pointer = '[What is compared, and how to read it](../../bench/failover/results.md).';

/** Where the results of the last full run are kept, and what is made from them. */
export const places = {
  results: path.join(import.meta.dirname, 'results.json'),
  page: path.join(import.meta.dirname, 'results.md'),
  guide,
};

/** Keeps results in the tree, with the page and the part of the guide that are made from them. */
export function publish(results: Results): void {
  writeFileSync(places.results, `${JSON.stringify(results, undefined, 2)}\n`);
  writeFileSync(places.page, page(results));
  writeFileSync(places.guide, guideWith(results));
}

/** The guide, with the tables of these results in their place. */
export function guideWith(results: Results): string {
  const text = readFileSync(guide, 'utf8');
  if (!block.test(text)) throw new Error('docs/guides/failover.md has no place for the tables');
  return text.replace(block, (_, begin: string, end: string) => `${begin}\n${pointer}\n\n${tables(results)}\n\n${end}`);
}
