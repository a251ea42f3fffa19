// In which groups nodes open, one group after the other, so that few are half open at a time: while a node is closed, its pods
// take what room they find on open ones. So a node opens after all those whose pods have room on it; those that have room for
// each other's pods, whatever the way round, are a group. These are the strongly connected components of "pods of this node are
// of that kind" and "that kind has room on this node", in topological order (Tarjan 1972, without recursion).
import type { SnapshotNode } from '../cluster/build-snapshot.ts';

interface Visit {
  readonly at: number;
  next: number;
}

/** Groups in the order in which they are to open, nodes in theirs. `kinds`: how many kinds of pods there are. `kindsOf`: those
 *  planned for a node, by number. `hasRoom`: is there room on the node for one of that kind? Asked once for each pair. */
export function openingGroups(
  nodes: readonly SnapshotNode[],
  of: {
    readonly kinds: number;
    readonly kindsOf: (node: SnapshotNode) => readonly number[];
    readonly hasRoom: (node: SnapshotNode, kind: number) => boolean;
  },
): readonly (readonly SnapshotNode[])[] {
  // Vertices: nodes, then kinds.
  const edges = nodes.map((node) => of.kindsOf(node).map((kind) => nodes.length + kind));
  for (let kind = 0; kind < of.kinds; kind += 1) {
    edges.push([...nodes.keys()].filter((at) => nodes[at] !== undefined && of.hasRoom(nodes[at], kind)));
  }
  return components(edges)
    .map((vertices) => vertices.toSorted((a, b) => a - b).flatMap((at) => nodes[at] ?? []))
    .filter((group) => group.length > 0);
}

/** Of a directed graph, each before those that can be reached from it. */
function components(edges: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const found: number[][] = [];
  const order = new Map<number, number>();
  const low = new Map<number, number>();
  const stack: number[] = [];
  const onStack = new Set<number>();
  const lower = (at: number, to: number | undefined) => low.set(at, Math.min(low.get(at) ?? 0, to ?? 0));
  const enter = (at: number): Visit => {
    order.set(at, order.size);
    low.set(at, order.size - 1);
    stack.push(at);
    onStack.add(at);
    return { at, next: 0 };
  };
  for (const root of edges.keys()) {
    const path = order.has(root) ? [] : [enter(root)];
    for (let visit = path.at(-1); visit !== undefined; visit = path.at(-1)) {
      const to = edges[visit.at]?.[visit.next];
      visit.next += 1;
      if (to === undefined) {
        path.pop();
        const above = path.at(-1);
        if (above !== undefined) lower(above.at, low.get(visit.at));
        if (low.get(visit.at) === order.get(visit.at)) found.push(popUntil(visit.at, stack, onStack));
      } else if (!order.has(to)) path.push(enter(to));
      else if (onStack.has(to)) lower(visit.at, order.get(to));
    }
  }
  return found.reverse();
}

function popUntil(at: number, stack: number[], onStack: Set<number>): number[] {
  const all = stack.splice(stack.lastIndexOf(at));
  for (const one of all) onStack.delete(one);
  return all;
}
