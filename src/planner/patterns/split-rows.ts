// From rows of the model back to the shapes that were merged into them: a filling that is repeated is cut where one shape
// runs out and the next takes its place.
import type { PackingModel } from '../bounds/packing-model.ts';
import type { Pattern } from '../bounds/packing-problem.ts';
import type { NodesFilled } from './fill-nodes.ts';

/** Patterns of shapes for `filled`; takes their pods off `left`. */
export function splitRows(
  model: PackingModel,
  of: { readonly filled: readonly NodesFilled[]; readonly left: Int32Array },
): readonly Pattern[] {
  const patterns: Pattern[] = [];
  // Per row: the first of its shapes that may have pods left.
  const next = new Int32Array(model.rows);
  for (const node of of.filled) {
    for (let nodes = node.nodes; nodes > 0; ) {
      const pattern = cutPattern(model, { node, nodes, left: of.left, next });
      patterns.push(pattern);
      nodes -= pattern.nodes;
    }
  }
  return patterns;
}

/** The most of `nodes` nodes that hold the same shapes, taken off `left`. */
function cutPattern(
  model: PackingModel,
  of: { readonly node: NodesFilled; readonly nodes: number; readonly left: Int32Array; readonly next: Int32Array },
): Pattern {
  const parts: { readonly shape: number; readonly amount: number }[] = [];
  let nodes = of.nodes;
  of.node.rows.forEach((row, k) => {
    const members = model.members[row] ?? new Int32Array();
    let wanted = of.node.amounts[k] ?? 0;
    for (let at = of.next[row] ?? 0; wanted > 0; at++) {
      const shape = members[at];
      if (shape === undefined) throw new Error('A filling must hold no more pods than there are');
      const left = of.left[shape] ?? 0;
      if (left === 0) {
        if (at === of.next[row]) of.next[row] = at + 1;
        continue;
      }
      const amount = Math.min(wanted, left);
      nodes = Math.min(nodes, Math.floor(left / amount));
      parts.push({ shape, amount });
      wanted -= amount;
    }
  });
  // A shape that gives the rest of its pods to a node that asks for more can do so once.
  parts.sort((a, b) => a.shape - b.shape);
  for (const { shape, amount } of parts) of.left[shape] = (of.left[shape] ?? 0) - amount * nodes;
  return {
    offer: model.offerOf[of.node.offer] ?? 0,
    shapes: Int32Array.from(parts, ({ shape }) => shape),
    amounts: Int32Array.from(parts, ({ amount }) => amount),
    nodes,
  };
}
