import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench.ts';

/** `npm run bench`: finds the scenarios of all folders beside this file and measures those that are named. */

const usage = `Measures speed; nothing else here does.

  npm run bench -- NAME… [--quick] [--FLAG VALUE]    scenarios, or folders of them
  npm run bench -- --quick                           the xDS server, in under three minutes, beside the committed results
  npm run bench -- --all [--quick]                   all there is
  npm run bench -- NAME --help                       what a folder knows beside that

  --quick    smaller and shorter: shows what has become dearer, and gives no figures to be told
`;

async function main(argv: readonly string[]): Promise<number> {
  const { names, flags } = parsed(argv);
  const benches = await found(import.meta.dirname);
  const quick = 'quick' in flags;
  const all = 'all' in flags;
  const watched = quick && !all && names.length === 0;
  const helps = 'help' in flags;
  if (names.length === 0 && (helps || !(all || watched))) {
    console.log(usage);
    for (const [folder, bench] of benches) tell(folder, bench);
    return helps ? 0 : 1;
  }
  const unknown = names.filter(name => ![...benches].some(([folder, bench]) => isMeant(name, folder, bench)));
  if (unknown.length > 0)
    throw new Error(`there is no ${unknown.join(', ')}: run it without a name to see what there is`);
  if (helps) {
    for (const [folder, bench] of benches) {
      if (!names.some(name => isMeant(name, folder, bench))) continue;
      console.log(bench.usage ?? '');
      tell(folder, bench);
    }
    return 0;
  }
  for (const [folder, bench] of benches) {
    const every = all || names.includes(folder) || (watched && bench.watched === true);
    const chosen = Object.keys(bench.scenarios).filter(name => every || names.includes(name));
    if (chosen.length > 0) await bench.run(chosen, { quick, flags });
  }
  return 0;
}

function tell(folder: string, { scenarios }: Bench): void {
  for (const [name, about] of Object.entries(scenarios)) console.log(`  ${name.padEnd(12)} ${about} (${folder})`);
}

function isMeant(name: string, folder: string, { scenarios }: Bench): boolean {
  return name === folder || Object.hasOwn(scenarios, name);
}

async function found(root: string): Promise<ReadonlyMap<string, Bench>> {
  const folders = readdirSync(root).filter(each => existsSync(join(root, each, 'bench.ts')));
  const loaded = folders.sort().map(async folder => {
    const { bench } = (await import(join(root, folder, 'bench.ts'))) as { readonly bench: Bench };
    return [folder, bench] as const;
  });
  return new Map(await Promise.all(loaded));
}

/** A flag takes the next word, unless that is a flag as well or the flag stands alone always. */
function parsed(argv: readonly string[]): {
  readonly names: readonly string[];
  readonly flags: Readonly<Record<string, string>>;
} {
  const names: string[] = [];
  const flags: Record<string, string> = {};
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    if (!word.startsWith('--')) names.push(word);
    else if (['--quick', '--all', '--help'].includes(word)) flags[word.slice(2)] = '';
    else flags[word.slice(2)] = argv[at + 1]?.startsWith('--') === false ? (argv[++at] ?? '') : '';
  }
  return { names, flags };
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof Error && process.env.DEBUG_BENCH !== undefined) console.error(error.stack);
  return 1;
});
