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
  const parts: Parts = { shapes: [], amounts: [] };
  for (const node of of.filled) {
    for (let nodes = node.nodes; nodes > 0; ) {
      const pattern = cutPattern(model, { node, nodes, left: of.left, next, parts });
      patterns.push(pattern);
      nodes -= pattern.nodes;
    }
  }
  return patterns;
}

/** Shapes of a node, and how many pods of each. */
interface Parts {
  readonly shapes: number[];
  readonly amounts: number[];
}

interface Cut {
  readonly node: NodesFilled;
  readonly nodes: number;
  readonly left: Int32Array;
  readonly next: Int32Array;
  /** Room to work in. */
  readonly parts: Parts;
}

/** The most of `nodes` nodes that hold the same shapes, taken off `left`. */
function cutPattern(model: PackingModel, of: Cut): Pattern {
  const { left } = of;
  const nodes = chooseParts(model, of);
  // A shape that gives the rest of its pods to a node that asks for more can do so once.
  const shapes = Int32Array.from(of.parts.shapes);
  const amounts = Int32Array.from(of.parts.amounts);
  sortByShape(shapes, amounts);
  for (let k = 0; k < shapes.length; k++) {
    const shape = shapes[k] ?? 0;
    left[shape] = (left[shape] ?? 0) - (amounts[k] ?? 0) * nodes;
  }
  return { offer: model.offerOf[of.node.offer] ?? 0, shapes, amounts, nodes };
}

/** Sets the parts of the next node; how many such nodes there can be. */
function chooseParts({ members }: PackingModel, { node, nodes: most, left, next, parts }: Cut): number {
  const { rows, amounts } = node;
  let nodes = most;
  let count = 0;
  for (let k = 0; k < rows.length; k++) {
    const row = rows[k] ?? 0;
    const shapes = members[row];
    let wanted = amounts[k] ?? 0;
    for (let at = next[row] ?? 0; wanted > 0; at++) {
      const shape = shapes === undefined || at >= shapes.length ? undefined : shapes[at];
      if (shape === undefined) throw new Error('A filling must hold no more pods than there are');
      const pods = left[shape] ?? 0;
      if (pods === 0) {
        if (at === next[row]) next[row] = at + 1;
        continue;
      }
      const amount = Math.min(wanted, pods);
      nodes = Math.min(nodes, Math.floor(pods / amount));
      parts.shapes[count] = shape;
      parts.amounts[count++] = amount;
      wanted -= amount;
    }
  }
  parts.shapes.length = count;
  parts.amounts.length = count;
  return nodes;
}

/** By insertion: a node holds few shapes, and rows come in the order of their first ones. */
function sortByShape(shapes: Int32Array, amounts: Int32Array): void {
  for (let k = 1; k < shapes.length; k++) {
    const shape = shapes[k] ?? 0;
    const amount = amounts[k] ?? 0;
    let at = k;
    for (; at > 0 && (shapes[at - 1] ?? 0) > shape; at--) {
      shapes[at] = shapes[at - 1] ?? 0;
      amounts[at] = amounts[at - 1] ?? 0;
    }
    shapes[at] = shape;
    amounts[at] = amount;
  }
}
