import { shareStructure } from '../../../src/base/memo.ts';
import { compile } from '../../../src/ir/compile.ts';
import type { Policy } from '../../../src/policy/kinds.ts';
import { noOperationalState } from '../../../src/policy/operational-state.ts';
import { parse } from '../../../src/policy/parse.ts';
import { buildSnapshot } from '../../../src/snapshot/build.ts';
import type { Snapshot } from '../../../src/snapshot/snapshot.ts';
import { translate } from '../../../src/translate/translate.ts';
import { nameOf } from '../fixtures.ts';

/** Reads and compiles a policy in a process of its own, and prints what it took: `SERVICES ENDPOINTS ROUNDS`. */

const [services = 0, endpoints = 0, rounds = 1] = process.argv.slice(2).map(Number);

/** All services but one stay as they are, text and all. */
function documents(
  weight: number,
): readonly { readonly file: string; readonly format: 'json'; readonly text: string }[] {
  const indices = Array.from({ length: services }, (_, index) => index);
  const members = (index: number) =>
    Array.from({ length: endpoints }, (_, at) => ({
      address: `10.${at >> 4}.${index >> 8}.${index & 255}:${8080 + (at & 15)}`,
      zone: 'abc'[at % 3] ?? '',
      weight: index === 7 && at === 0 ? weight : 1,
    }));
  const routes = indices.map(index => [
    nameOf(index),
    { gateways: ['edge'], hosts: [`host-${index}.test`], rules: [{ to: [{ service: nameOf(index) }] }] },
  ]);
  const parts = [
    { services: Object.fromEntries(indices.map(index => [nameOf(index), { endpoints: members(index) }])) },
    {
      routes: Object.fromEntries(routes),
      gateways: { edge: { listeners: [{ port: 8080, protocol: 'http' }] } },
      fleets: { edge: { match: { cluster: 'edge' }, gateways: ['edge'] } },
    },
  ];
  return parts.map((part, index) => ({ file: `${index}.json`, format: 'json', text: JSON.stringify(part) }));
}

interface Built {
  readonly policy: Policy;
  readonly snapshots: readonly Snapshot[];
}

function build(texts: ReturnType<typeof documents>, before?: Built): { readonly built: Built; readonly ms: number[] } {
  const began = performance.now();
  const { policy: fresh } = parse(texts);
  if (!fresh) throw new Error('the policy of this benchmark has errors');
  const read = performance.now();
  const policy = shareStructure(before?.policy, fresh);
  const { fleets } = compile({ policy, state: noOperationalState, resolved: new Map() });
  const snapshots = fleets.map((fleet, index) => buildSnapshot(fleet.key, translate(fleet), before?.snapshots[index]));
  const done = performance.now();
  return { built: { policy, snapshots }, ms: [read - began, done - read] };
}

// The first compiles the code as well, which a server has behind it after its first policy.
let last = build(documents(1));
const first = last.ms;
const changes: number[][] = [];
for (let round = 0; round < rounds; round++) {
  last = build(documents(2 + round), last.built);
  changes.push(last.ms);
}
const middle = (at: number): number =>
  changes.map(each => each[at] ?? Number.NaN).toSorted((a, b) => a - b)[changes.length >> 1] ?? Number.NaN;
globalThis.gc?.();
console.log(
  JSON.stringify({
    read: first[0],
    build: first[1],
    changeRead: middle(0),
    changeBuild: middle(1),
    rss: process.memoryUsage.rss(),
  }),
);
