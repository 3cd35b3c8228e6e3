import { memo1 } from '../base/memo.ts';
import type { PolicyPath } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import { type Kind, kindNames, kinds, type Policy } from './kinds.ts';
import { fieldsIn, type Repaired, repair } from './repair.ts';
import { isRecord } from './schema-walk.ts';

/**
 * A policy with mistakes, made good for one purpose: to look for further problems. Nothing of it is ever put in force.
 */
export interface Draft {
  readonly policy: Policy;
  /** What is not as the user wrote or meant it: see {@link doubtful}. */
  readonly doubts: readonly PolicyPath[];
}

/** The place that stands for which names a mapping has, and for the name of a resource; no name is empty. */
export const nameOf = (path: PolicyPath): PolicyPath => [...path, ''];

/** Resources of any kind may be missing. */
export const anythingMissing: readonly PolicyPath[] = kindNames.map(kind => nameOf([kind]));

/** What a key that is no kind of resource leaves in doubt: a misspelt one a section, any other whatever it belongs to. */
export function doubtsOfSection(key: string): readonly PolicyPath[] {
  return didYouMean(key, kindNames) === undefined ? [[]] : anythingMissing;
}

/** What a wrong name leaves in doubt: others may mean its resource by the right one. */
export function doubtsOfName(kind: Kind, name: string): readonly PolicyPath[] {
  if (fieldsIn(kinds[kind].schema).has(name)) return elsewhere(kind);
  return [nameOf([kind]), nameOf([kind, name])];
}

/** Something that looks like a resource, but belongs to another, or into another section. */
const elsewhere = (kind: Kind): readonly PolicyPath[] => [[kind], ...anythingMissing];

function repairOf(kind: Kind): (raw: unknown) => Repaired {
  const { schema, example } = kinds[kind];
  const now = (raw: unknown) => repair(schema, raw, Object.values(example)[0]);
  const remembered = memo1(now);
  return raw => (typeof raw === 'object' && raw !== null ? remembered(raw) : now(raw));
}

const repairs: Readonly<Record<Kind, (raw: unknown) => Repaired>> = {
  services: repairOf('services'),
  gateways: repairOf('gateways'),
  routes: repairOf('routes'),
  fleets: repairOf('fleets'),
};
/** A mistaken resource made good; remembered by the identity of what was read. */
export const repairResource = (kind: Kind, raw: unknown) => repairs[kind](raw);

/** What a mistaken resource leaves in doubt, as it was read. */
export function doubtsOfResource(
  kind: Kind,
  name: string,
  raw: unknown,
  { doubts, stray }: Pick<Repaired, 'doubts' | 'stray'>,
): readonly PolicyPath[] {
  const { shape } = kinds[kind].schema;
  const fits = isRecord(raw) && Object.keys(raw).some(key => Object.hasOwn(shape, key));
  return [
    // What is indented too little becomes a resource, and too much a field.
    ...(fits ? doubts.map(path => [kind, name, ...path]) : elsewhere(kind)),
    ...stray.flatMap(key => [[kind, key], ...kindNames.filter(each => each === key).map(each => nameOf([each]))]),
  ];
}

/** Whether a value at a path, or inside of it, or around it, is in doubt. */
export function doubtful(doubts: readonly PolicyPath[]): (path: PolicyPath) => boolean {
  const root: DoubtTree = { children: new Map(), all: false };
  for (const doubt of doubts) {
    let at = root;
    for (const part of doubt) {
      const next = at.children.get(String(part)) ?? { children: new Map(), all: false };
      at.children.set(String(part), next);
      at = next;
    }
    at.all = true;
  }
  return path => {
    let at = root;
    for (const part of path) {
      if (at.all) return true;
      const next = at.children.get(String(part));
      if (!next) return false;
      at = next;
    }
    return true;
  };
}

interface DoubtTree {
  readonly children: Map<string, DoubtTree>;
  /** Whatever is inside. */
  all: boolean;
}
