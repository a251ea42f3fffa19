// The cheapest nodes where there may only be so many. A little is added to the price of every node, whatever its size, until
// there are few enough of them: what is cheapest then is the cheapest of all packings with no more nodes. The amount is the
// slope between a packing with too many nodes and one with few enough, and again between those next to it; what room the
// best of the few leaves goes to part of the packing with too many.
import { withCounts, type PackingModel } from '../bounds/packing-model.ts';
import type { SearchBudget } from '../bounds/search-budget.ts';
import type { NodesFilled } from './fill-nodes.ts';
import { type Effort, type Packed, repackModel } from './pack-model.ts';
import { costOf } from './round-columns.ts';

/** Each halves what the packings on both sides are apart, or more. */
const SLOPES_MAX = 3;
/** A first addition, in mean prices of a node: it doubles what nodes cost, then twenty times. */
const FIRST_ADDITIONS = [1, 20];
/** Nodes of the mixture that are kept back, as parts: whole numbers of each filling do not come out even. */
const MIXED_PART = 0.98;
/** So close to the limit there is nothing to gain. */
const CLOSE = 0.99;

interface Priced extends Omit<Packed, 'bound'> {
  readonly nodes: number;
  readonly cost: number;
  /** Added to the price of each node. */
  readonly addition: number;
}

/** `first` with at most `nodesMax` nodes; with the fewest that were found where it takes more than that. */
export function packWithin(
  model: PackingModel,
  of: {
    readonly first: Packed;
    readonly nodesMax: number;
    readonly effort: Effort;
    /** For each of a handful of packings an equal part. */
    readonly budget: SearchBudget;
  },
): Omit<Packed, 'bound'> {
  const { nodesMax } = of;
  let tries = FIRST_ADDITIONS.length + SLOPES_MAX + 1;
  const tryAt = (addition: number, near: Omit<Packed, 'bound'>, part = model): Priced => {
    const { effort, budget } = of;
    const dearer = { ...part, prices: part.prices.map((price) => price + addition) };
    const asked = { effort, budget: budget.share(1 / tries--), worth: near.worth, columns: near.columns };
    return priced(model, { packed: repackModel(dearer, asked), addition });
  };
  let many = priced(model, { packed: of.first, addition: 0 });
  let few = many;
  for (const times of FIRST_ADDITIONS) {
    if (few.nodes > nodesMax) few = tryAt((times * many.cost) / many.nodes, many);
  }
  if (few.nodes > nodesMax) return few;
  for (let slope = 0; slope < SLOPES_MAX && few.nodes < nodesMax * CLOSE; slope++) {
    const addition = (few.cost - many.cost) / (many.nodes - few.nodes);
    if (addition <= many.addition || addition >= few.addition) break;
    const next = tryAt(addition, addition - many.addition < few.addition - addition ? many : few);
    if (next.nodes > nodesMax) many = next;
    else if (next.cost < few.cost) few = next;
    else break;
  }
  const mixture = mixed(model, { many, few, nodesMax, tryAt });
  return mixture.nodes <= nodesMax && mixture.cost < few.cost ? mixture : few;
}

/** So much of both that it comes to `nodesMax` together; what whole numbers of each filling leave over is packed again. */
function mixed(
  model: PackingModel,
  of: {
    readonly many: Priced;
    readonly few: Priced;
    readonly nodesMax: number;
    readonly tryAt: (addition: number, near: Omit<Packed, 'bound'>, part: PackingModel) => Priced;
  },
): Priced {
  const { many, few, nodesMax } = of;
  const part = (nodesMax * MIXED_PART - few.nodes) / (many.nodes - few.nodes);
  if (part <= 0) return few;
  const left = model.counts.slice();
  const taken = [...partOf(many.filled, { part, left }), ...partOf(few.filled, { part: 1 - part, left })];
  const rest = withCounts(model, left);
  const worth = Float64Array.from(rest.rowOf, (row) => few.worth[row] ?? 0);
  const packed = of.tryAt(few.addition, { ...few, worth, columns: [] }, rest.model);
  const back = packed.filled.map((node) => ({
    ...node,
    rows: Int32Array.from(node.rows, (row) => rest.rowOf[row] ?? 0),
  }));
  return priced(model, { packed: { ...few, filled: [...taken, ...back] }, addition: few.addition });
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

function priced(
  model: PackingModel,
  of: { readonly packed: Omit<Packed, 'bound'>; readonly addition: number },
): Priced {
  const { filled, worth, columns } = of.packed;
  const nodes = nodesOf(filled);
  return { filled, worth, columns, nodes, cost: costOf(model, filled), addition: of.addition };
}

export function nodesOf(filled: readonly NodesFilled[]): number {
  return filled.reduce((sum, { nodes }) => sum + nodes, 0);
}
