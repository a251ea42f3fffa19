// Few enough nodes where there are too many shapes for a master problem (pack-limited.ts): greedy packing, with a little added
// to the price of every node, whatever its size, until there are few enough of them. The amount is the
// slope between a packing with too many nodes and one with few enough, and again between those next to it; what room the
// best of the few leaves goes to part of the packing with too many.
import { withCounts, type PackingModel } from '../bounds/packing-model.ts';
import type { SearchBudget } from '../bounds/search-budget.ts';
import type { NodesFilled } from './fill-nodes.ts';
import { cheapestFill, costOf } from './round-columns.ts';

/** Each halves what the packings on both sides are apart, or more. */
const SLOPES_MAX = 3;
/** A first addition, in mean prices of a node: it doubles what nodes cost, then twenty times. */
const FIRST_ADDITIONS = [1, 20];
/** Nodes of the mixture that are kept back, as parts: whole numbers of each filling do not come out even. */
const MIXED_PART = 0.98;
/** So close to the limit there is nothing to gain. */
const CLOSE = 0.99;

interface Priced {
  readonly filled: readonly NodesFilled[];
  readonly nodes: number;
  readonly cost: number;
  /** Added to the price of each node. */
  readonly addition: number;
}

interface Asked {
  readonly first: readonly NodesFilled[];
  /** Per row, what a pod is worth. */
  readonly worth: Float64Array;
  readonly nodesMax: number;
  readonly budget: SearchBudget;
}

/** `first` with at most `nodesMax` nodes; with the fewest that were found where it takes more than that. */
export function packWithin(model: PackingModel, of: Asked): readonly NodesFilled[] {
  const { nodesMax } = of;
  const tryAt = (addition: number): Priced => priced(model, filledAt(model, { ...of, addition }), addition);
  let many = priced(model, of.first, 0);
  let few = many;
  for (const times of FIRST_ADDITIONS) {
    if (few.nodes > nodesMax) few = tryAt((times * many.cost) / many.nodes);
  }
  if (few.nodes > nodesMax) return few.nodes < many.nodes ? few.filled : many.filled;
  for (let slope = 0; slope < SLOPES_MAX && few.nodes < nodesMax * CLOSE; slope++) {
    const addition = (few.cost - many.cost) / (many.nodes - few.nodes);
    if (addition <= many.addition || addition >= few.addition) break;
    const next = tryAt(addition);
    if (next.nodes > nodesMax) many = next;
    else if (next.cost < few.cost) few = next;
    else break;
  }
  const mixture = mixed(model, { ...of, many, few });
  return mixture.nodes <= nodesMax && mixture.cost < few.cost ? mixture.filled : few.filled;
}

/** Packed at prices that are so much higher. */
function filledAt(
  model: PackingModel,
  { worth, budget, addition }: Pick<Asked, 'worth' | 'budget'> & { readonly addition: number },
): readonly NodesFilled[] {
  const prices = model.prices.map((price) => price + addition);
  return cheapestFill({ ...model, prices }, { left: model.counts, worth, budget, enough: 0, variantsMax: 1 });
}

/** So much of both that it comes to `nodesMax` together; what whole numbers of each filling leave over is packed again. */
function mixed(model: PackingModel, of: Asked & { readonly many: Priced; readonly few: Priced }): Priced {
  const { many, few, nodesMax } = of;
  const part = (nodesMax * MIXED_PART - few.nodes) / (many.nodes - few.nodes);
  if (part <= 0) return few;
  const left = model.counts.slice();
  const taken = [...partOf(many.filled, { part, left }), ...partOf(few.filled, { part: 1 - part, left })];
  const rest = withCounts(model, left);
  const worth = Float64Array.from(rest.rowOf, (row) => of.worth[row] ?? 0);
  const back = filledAt(rest.model, { ...of, worth, addition: few.addition }).map((node) => ({
    ...node,
    rows: Int32Array.from(node.rows, (row) => rest.rowOf[row] ?? 0),
  }));
  return priced(model, [...taken, ...back], few.addition);
}

/** Whole nodes of each filling, so many of it; their pods go from `left`. */
function partOf(
  filled: readonly NodesFilled[],
  { part, left }: { readonly part: number; readonly left: Int32Array },
): readonly NodesFilled[] {
  const taken: NodesFilled[] = [];
  for (const node of filled) {
    const nodes = Math.floor(node.nodes * part);
    if (nodes === 0) continue;
    taken.push({ ...node, nodes });
    node.rows.forEach((row, k) => (left[row] = (left[row] ?? 0) - nodes * (node.amounts[k] ?? 0)));
  }
  return taken;
}

function priced(model: PackingModel, filled: readonly NodesFilled[], addition: number): Priced {
  return { filled, nodes: nodesOf(filled), cost: costOf(model, filled), addition };
}

export function nodesOf(filled: readonly NodesFilled[]): number {
  return filled.reduce((sum, { nodes }) => sum + nodes, 0);
}
