import { addClass, caseVariants, type Ranges } from './char-class.ts';
import { flattenedSize } from './flatten.ts';
import { following, Graph } from './graph.ts';

/** One instruction of re2js, which works on characters: `op` is one of {@link op}, `runes` are code points in pairs. */
export interface RuneInstruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  readonly runes: ArrayLike<number>;
}

/** A program of re2js. Instruction 0 is failure. */
export interface RuneProgram {
  readonly inst: readonly RuneInstruction[];
  readonly start: number;
}

const op = { alt: 1, altMatch: 2, capture: 3, empty: 4, fail: 5, match: 6, nop: 7, rune: 8 } as const;
const beginText = 4;
const endText = 8;
const foldCase = 1;

/**
 * How many instructions RE2 in C++ makes of a pattern that re2js has compiled: what Envoy compares with its limit.
 * re2js counts characters before flattening, RE2 bytes after it, so the program is translated and flattened here.
 * Repetitions that RE2 merges (`a*a`) are counted apart, which makes a few more of them; else the two agree.
 *
 * @param literals characters that stand right after leading `^` anchors; RE2 compares them outside of the program
 * @param enough stops counting there, since large programs take long
 * @returns the size, or something above `enough`
 */
export function programSize(program: RuneProgram, literals: number, enough: number): number {
  const view = new View(program);
  const { start, anchored, dropped } = view.entry(literals);
  const reachable = view.reachableFrom(start);
  const least = reachable.filter(id => view.at(id).op >= op.rune).length;
  if (least > enough) return least;
  const graph = new Graph();
  const first = new Map<number, number>([[0, 0]]);
  const added: { readonly id: number; readonly from: number; readonly to: number }[] = [];
  for (const id of view.inOrder(reachable)) {
    if (id === 0 || dropped.has(id)) continue;
    const from = graph.nodes.length;
    first.set(id, addInstruction(graph, view.at(id)));
    added.push({ id, from, to: graph.nodes.length });
  }
  const entryOf = (id: number) => first.get(view.past(id, dropped)) ?? 0;
  for (const { id, from, to } of added) {
    const { out, arg } = view.at(id);
    for (let index = from; index < to; index += 1) {
      const node = graph.at(index);
      if (node.out === following) node.out = entryOf(out);
      if (node.out1 === following) node.out1 = entryOf(arg);
    }
  }
  markAltMatches(graph);
  const startNode = entryOf(start);
  if (anchored) return flattenedSize(graph, startNode, startNode);
  const anyByte = graph.add('byte', 0, 0, true);
  const loop = graph.add('alt', startNode, anyByte);
  graph.at(anyByte).out = loop;
  return flattenedSize(graph, startNode, loop);
}

/** A loop over any byte that may end the match at once, as in `(?s).*`, costs RE2 one more instruction. */
function markAltMatches(graph: Graph): void {
  for (const [id, node] of graph.nodes.entries()) {
    if (node.kind !== 'alt') continue;
    const ways = [graph.at(node.out), graph.at(node.out1)];
    const loops = ways.some(way => way.kind === 'byte' && way.any && way.out === id);
    if (loops && ways.some(way => way.kind === 'match')) node.kind = 'altMatch';
  }
}

/** Adds what one instruction becomes; `following` stands for its `out`, and as `out1` for its `arg`. @returns its entry. */
function addInstruction(graph: Graph, instruction: RuneInstruction): number {
  if (instruction.op === op.alt || instruction.op === op.altMatch) return graph.add('alt', following, following);
  if (instruction.op === op.capture) return graph.add('capture', following);
  if (instruction.op === op.empty) return graph.add('empty', following);
  if (instruction.op === op.match) return graph.add('match', 0);
  if (instruction.op < op.rune) return 0;
  const { runes, arg } = instruction;
  if (runes.length > 1) return addClass(graph, rangesOf(runes));
  const [only = 0] = [runes[0]];
  return addClass(graph, (arg & foldCase) === 0 ? [[only, only]] : caseVariants(only));
}

function rangesOf(runes: ArrayLike<number>): Ranges {
  const ranges: [number, number][] = [];
  for (let index = 0; index + 1 < runes.length; index += 2) ranges.push([runes[index] ?? 0, runes[index + 1] ?? 0]);
  return ranges;
}

interface Entry {
  readonly start: number;
  readonly anchored: boolean;
  /** Anchors that RE2 keeps beside the program. */
  readonly dropped: ReadonlySet<number>;
}

/** The program of re2js with what is asked of it. */
class View {
  readonly #program: RuneProgram;

  constructor(program: RuneProgram) {
    this.#program = program;
  }

  at(id: number): RuneInstruction {
    const found = this.#program.inst[id];
    if (!found) throw new RangeError(`no instruction ${id}`);
    return found;
  }

  /** The first instruction from `id` on that does something. */
  past(id: number, dropped?: ReadonlySet<number>): number {
    let at = id;
    while (this.at(at).op === op.nop || dropped?.has(at)) at = this.at(at).out;
    return at;
  }

  reachableFrom(start: number): readonly number[] {
    const seen = new Set<number>();
    const pending = [start];
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      if (seen.has(id)) continue;
      seen.add(id);
      pending.push(...this.#next(id));
    }
    return [...seen];
  }

  #next(id: number): readonly number[] {
    const { op: kind, out, arg } = this.at(id);
    if (kind === op.match || kind === op.fail) return [];
    return kind === op.alt || kind === op.altMatch ? [out, arg] : [out];
  }

  /** RE2 numbers the beginning of a capture together with its end; its flattening goes by numbers. */
  inOrder(ids: readonly number[]): readonly number[] {
    const sorted = [...ids].sort((a, b) => a - b);
    const place = new Map<number, number>();
    const opened = new Map<number, number>();
    for (const id of sorted) {
      const { op: kind, arg } = this.at(id);
      place.set(id, id);
      if (kind !== op.capture) continue;
      if (arg % 2 === 0) opened.set(arg, id);
      else place.set(opened.get(arg - 1) ?? id, id - 0.5);
    }
    return sorted.sort((a, b) => (place.get(a) ?? a) - (place.get(b) ?? b));
  }

  /** Where RE2's program begins, once anchors at both ends and literals after `^` are taken out of it. */
  entry(literals: number): Entry {
    const { start } = this.#program;
    const leads = this.#leadsTo(start);
    const alone = (id: number) => (leads.get(id)?.length ?? 0) <= 1;
    const isBegin = (id: number) => this.at(id).op === op.empty && this.at(id).arg === beginText && alone(id);
    const endAnchor = this.#endAnchor(leads);
    const dropped = new Set(endAnchor === undefined ? [] : [endAnchor]);
    const first = this.past(start);
    const inCapture = this.at(first).op === op.capture && (leads.get(first)?.length ?? 0) === 0;
    const anchor = inCapture ? this.past(this.at(first).out) : first;
    if (!isBegin(anchor)) return { start, anchored: false, dropped };
    if (!inCapture && literals > 0) {
      let at = anchor;
      while (isBegin(at)) at = this.past(this.at(at).out);
      let taken = 0;
      for (; taken < literals && this.#isLiteral(at) && alone(at); taken += 1) at = this.past(this.at(at).out);
      if (taken > 0) return { start: at, anchored: false, dropped };
    }
    return { start, anchored: true, dropped: dropped.add(anchor) };
  }

  /** One character, or one letter in both cases. */
  #isLiteral(id: number): boolean {
    const { op: kind, runes } = this.at(id);
    if (kind < op.rune) return false;
    const [first = 0, , third = 0] = [runes[0], runes[1], runes[2]];
    const cases = runes.length === 4 && first === runes[1] && third === runes[3] && third - first === 0x20;
    return runes.length === 1 || (runes.length === 2 && first === runes[1]) || cases;
  }

  #leadsTo(start: number): ReadonlyMap<number, readonly number[]> {
    const leads = new Map<number, number[]>();
    for (const id of this.reachableFrom(start)) {
      for (const next of this.#next(id)) {
        const known = leads.get(next);
        if (known) known.push(id);
        else leads.set(next, [id]);
      }
    }
    return leads;
  }

  /** The `$` that every match ends with. */
  #endAnchor(leads: ReadonlyMap<number, readonly number[]>): number | undefined {
    const match = [...leads.keys()].find(id => this.at(id).op === op.match);
    let captures = 0;
    for (let id = match; id !== undefined; ) {
      const before: readonly number[] = leads.get(id) ?? [];
      const only: number | undefined = before.length === 1 ? before[0] : undefined;
      if (only === undefined) return undefined;
      const { op: kind, arg } = this.at(only);
      if (kind === op.empty && arg === endText) return only;
      if (kind === op.capture) captures += 1;
      if ((kind !== op.capture && kind !== op.nop) || captures > 1) return undefined;
      id = only;
    }
    return undefined;
  }
}
