/** A node of an RE2 program: bytes, not characters. `out` (and `out1` of the two kinds of `alt`) is what follows. */
export interface Node {
  kind: 'alt' | 'altMatch' | 'byte' | 'capture' | 'empty' | 'match' | 'fail';
  out: number;
  out1: number;
  /** Whether a `byte` takes every byte. */
  readonly any: boolean;
}

/** Stands for "what follows the instruction" until it is known. */
export const following = -1;

/** Node 0 is `fail`, as in RE2. */
export class Graph {
  readonly nodes: Node[] = [];

  constructor() {
    this.add('fail', 0);
  }

  add(kind: Node['kind'], out: number, out1 = 0, any = false): number {
    return this.nodes.push({ kind, out, out1, any }) - 1;
  }

  at(id: number): Node {
    const node = this.nodes[id];
    if (!node) throw new RangeError(`no node ${id} in a program of ${this.nodes.length}`);
    return node;
  }
}
