import type { Graph } from './graph.ts';

/**
 * Counts the instructions that RE2 keeps of a program: alternatives are dissolved into lists, one list for each node
 * that something leads to, and a list that runs into another ends in a jump.
 */
export function flattenedSize(graph: Graph, start: number, startUnanchored: number): number {
  const roots = new Set<number>([0, startUnanchored, start]);
  const predecessors = markSuccessors(graph, startUnanchored, roots);
  for (const root of [...roots].sort((a, b) => b - a)) {
    if (root !== 0 && root !== start && root !== startUnanchored) markDominated(graph, root, roots, predecessors);
  }
  let size = 0;
  for (const root of roots) size += listLength(graph, root, roots);
  return size;
}

/** Makes roots of all that follows a byte, a capture or an assertion. @returns the alternatives that lead to each node. */
function markSuccessors(graph: Graph, from: number, roots: Set<number>): ReadonlyMap<number, readonly number[]> {
  const predecessors = new Map<number, number[]>();
  const seen = new Set<number>();
  const pending = [from];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const { kind, out, out1 } = graph.at(id);
    if (kind === 'match' || kind === 'fail') continue;
    if (kind === 'alt' || kind === 'altMatch') {
      for (const next of [out, out1]) {
        const known = predecessors.get(next);
        if (known) known.push(id);
        else predecessors.set(next, [id]);
      }
      pending.push(out1, out);
    } else {
      roots.add(out);
      pending.push(out);
    }
  }
  return predecessors;
}

/** Makes roots of nodes that are reached from `root` and from elsewhere too. */
function markDominated(
  graph: Graph,
  root: number,
  roots: Set<number>,
  predecessors: ReadonlyMap<number, readonly number[]>,
): void {
  const reached = new Set<number>();
  const pending = [root];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (reached.has(id)) continue;
    reached.add(id);
    if (id !== root && roots.has(id)) continue;
    const { kind, out, out1 } = graph.at(id);
    if (kind === 'alt' || kind === 'altMatch') pending.push(out1, out);
  }
  for (const id of reached) {
    if (predecessors.get(id)?.some(from => !reached.has(from))) roots.add(id);
  }
}

function listLength(graph: Graph, root: number, roots: ReadonlySet<number>): number {
  const seen = new Set<number>();
  const pending = [root];
  let length = 0;
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const { kind, out, out1 } = graph.at(id);
    const inside = id === root || !roots.has(id);
    if (!inside || kind !== 'alt') length += 1;
    if (inside && (kind === 'alt' || kind === 'altMatch')) pending.push(out1, out);
  }
  return length;
}
