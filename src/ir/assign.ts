import { memo1 } from '../base/memo.ts';
import type { FleetMatch } from '../policy/fleet.ts';
import { type CertificateFacts, identityFault } from './certified.ts';
import { distanceToGlob, fitsGlob, MOST_COMPARED } from './glob.ts';
import type { FleetIr } from './ir.ts';

/** What of a node decides its fleet. */
export interface NodeFacts {
  readonly id: string;
  readonly cluster: string;
  readonly region: string;
  readonly zone: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Absent on a connection without TLS. */
  readonly certificate?: CertificateFacts;
}

/** The fleet of a node, by its key, or why there is none. */
export type FleetChoice =
  | { readonly kind: 'assigned'; readonly key: string }
  | { readonly kind: 'unmatched'; readonly nearest: string | undefined; readonly why: string }
  | { readonly kind: 'ambiguous'; readonly keys: readonly string[] }
  | { readonly kind: 'refused'; readonly fleet: string; readonly why: string };

export type Assigner = (node: NodeFacts) => FleetChoice;

/** One field that a match names. */
interface Wish {
  readonly field: string;
  readonly glob: string;
  /** Undefined where the node does not have the field. */
  readonly value: string | undefined;
}

/** The rule that assigns nodes to fleets; the same fleets give the same rule. */
export const assignerOf: (fleets: readonly FleetIr[]) => Assigner = memo1(fleets => {
  const byName = new Map<string, FleetIr[]>();
  for (const fleet of fleets) byName.set(fleet.fleetName, [...(byName.get(fleet.fleetName) ?? []), fleet]);
  const groups = [...byName.values()];
  return node => choose(groups, node);
});

function choose(groups: readonly (readonly FleetIr[])[], node: NodeFacts): FleetChoice {
  const fitting = groups.filter(([first]) => first && fitsMatch(first.match, node));
  const [only, another] = fitting;
  if (!only) return unmatched(groups, node);
  if (another) return { kind: 'ambiguous', keys: fitting.flatMap(group => group[0]?.fleetName ?? []) };
  const [first] = only;
  const fault = first?.identity && identityFault(first.fleetName, first.identity, node);
  if (first && fault !== undefined) return { kind: 'refused', fleet: first.fleetName, why: fault };
  const own = only.find(fleet => fleet.members === undefined || fleet.members.includes(node.id));
  if (own) return { kind: 'assigned', key: own.key };
  const name = first?.fleetName;
  return {
    kind: 'unmatched',
    nearest: name,
    why:
      `The node "${shorten(node.id)}" fits fleet "${name}", whose sidecars listen differently, and no endpoint names it: ` +
      'set `inbound.node` of its endpoint to this node id.',
  };
}

/** Why a node that fits a fleet does so, in words. */
export function whyFits({ match, members }: FleetIr, node: NodeFacts): string {
  const named = wishes(match, node).map(({ field, glob, value }) => {
    const text = shorten(value ?? '');
    return glob === value ? `its ${field} is "${text}"` : `its ${field} "${text}" fits "${glob}"`;
  });
  const member = members === undefined ? [] : ['an endpoint names it, or its id fits one'];
  return [...named, ...member].join(' and ') || 'the fleet takes every node';
}

/** True if everything that `match` names fits the node. */
function fitsMatch(match: FleetMatch, node: NodeFacts): boolean {
  return wishes(match, node).every(({ glob, value }) => value !== undefined && fitsGlob(glob, value));
}

function wishes(match: FleetMatch, node: NodeFacts): readonly Wish[] {
  const places = [
    ['id', match.id, node.id],
    ['cluster', match.cluster, node.cluster],
    ['region', match.region, node.region],
    ['zone', match.zone, node.zone],
  ] as const;
  return [
    ...places.flatMap(([field, glob, value]) => (glob === undefined ? [] : [{ field, glob, value }])),
    ...Object.entries(match.metadata).map(([key, glob]) => ({
      field: `metadata ${key}`,
      glob,
      value: Object.hasOwn(node.metadata, key) ? node.metadata[key] : undefined,
    })),
  ];
}

function unmatched(groups: readonly (readonly FleetIr[])[], node: NodeFacts): FleetChoice {
  let nearest: { readonly name: string; readonly far: number; readonly why: string } | undefined;
  for (const [fleet] of groups) {
    if (!fleet) continue;
    const all = wishes(fleet.match, node);
    const far = all.reduce((sum, { glob, value }) => sum + distance(glob, value), 0) / all.length;
    if (nearest && nearest.far <= far) continue;
    const misses = all.filter(({ glob, value }) => value === undefined || !fitsGlob(glob, value));
    nearest = { name: fleet.fleetName, far, why: misses.map(describe).join(' and ') };
  }
  if (!nearest) return { kind: 'unmatched', nearest: undefined, why: 'The policy declares no fleet.' };
  return { kind: 'unmatched', nearest: nearest.name, why: `Nearest is fleet "${nearest.name}", but ${nearest.why}.` };
}

/** 0 to 1: how much of a value would have to change. */
function distance(glob: string, value: string | undefined): number {
  if (value === undefined) return 1;
  return distanceToGlob(glob, value) / Math.max(glob.length, Math.min(value.length, MOST_COMPARED), 1);
}

function describe({ field, glob, value }: Wish): string {
  if (value === undefined) return `the node has no ${field} ("${glob}" is wanted)`;
  return `the node's ${field} is "${shorten(value)}" instead of "${glob}"`;
}

const shorten = (text: string) => (text.length > 100 ? `${text.slice(0, 100)}…` : text);
