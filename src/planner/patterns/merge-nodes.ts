// Two or three nodes whose pods one cheaper node holds become that one. Packing fills the node that is cheapest for its pods first, so
// what it comes to last are small nodes that are dear together: with a handful of pods those are most of the plan.
import type { PackingModel } from '../bounds/packing-model.ts';
import type { SearchBudget } from '../bounds/search-budget.ts';
import type { LimitsLeft } from '../bounds/shared-limit.ts';
import type { NodesFilled } from './fill-nodes.ts';

/** Nodes that are looked at, those first that cost most above what their pods could cost: 220 triples of them. */
const NODES_MAX = 12;
/** Of equal nodes; more are not merged with each other. */
const ALIKE_MAX = 3;
const COST_TOLERANCE = 1e-9;

/** One node, with what its pods ask for. */
interface Single {
  readonly of: NodesFilled;
  readonly price: number;
  /** Per axis. */
  readonly asked: Float64Array;
  /** The price less the least that its pods could cost on any offer. */
  readonly waste: number;
}

interface Merge {
  readonly singles: readonly Single[];
  readonly into: NodesFilled;
  readonly saving: number;
}

/** The same pods on fewer nodes where those cost less; the dearest waste first, one merge after another. `limits`: what `filled` leaves
 *  of them; they are kept. */
export function mergeNodes(
  model: PackingModel,
  filled: readonly NodesFilled[],
  { budget, limits }: { readonly budget: SearchBudget; readonly limits?: LimitsLeft | undefined },
): readonly NodesFilled[] {
  if (model.offers < 2) return filled;
  const leastPrices = leastPricesOf(model);
  const cheapestFirst = Array.from(model.prices.keys()).sort(
    (a, b) => (model.prices[a] ?? 0) - (model.prices[b] ?? 0) || a - b,
  );
  let answer = filled;
  // Each merge leaves a node less of those looked at.
  for (let merges = 0; merges < NODES_MAX; merges++) {
    const best = bestMerge(model, {
      singles: mostWasteful(model, answer, leastPrices),
      leastPrices,
      cheapestFirst,
      budget,
      limits,
    });
    if (best === undefined) return answer;
    for (const { of } of best.singles) limits?.take(of.offer, -1);
    limits?.take(best.into.offer, 1);
    answer = merged(answer, best);
  }
  return answer;
}

/** Per axis, the lowest price at which any offer has one of it. */
function leastPricesOf({ axes, offers, capacities, prices }: PackingModel): Float64Array {
  const least = new Float64Array(axes).fill(Infinity);
  for (let offer = 0; offer < offers; offer++) {
    for (let axis = 0; axis < axes; axis++) {
      const room = capacities[offer * axes + axis] ?? 0;
      if (room > 0) least[axis] = Math.min(least[axis] ?? 0, (prices[offer] ?? 0) / room);
    }
  }
  return least;
}

function mostWasteful(
  model: PackingModel,
  filled: readonly NodesFilled[],
  leastPrices: Float64Array,
): readonly Single[] {
  const kinds = filled
    .map((of): Single => {
      const price = model.prices[of.offer] ?? 0;
      const asked = askedOf(model, of);
      return { of, price, asked, waste: price - leastCost(asked, leastPrices) };
    })
    .filter(({ waste, price }) => waste > COST_TOLERANCE * price)
    .sort((a, b) => b.waste - a.waste)
    .slice(0, NODES_MAX);
  const singles = kinds.flatMap((one) => Array.from({ length: Math.min(one.of.nodes, ALIKE_MAX) }, () => one));
  return singles.slice(0, NODES_MAX);
}

function askedOf({ axes, requests }: PackingModel, { rows, amounts }: NodesFilled): Float64Array {
  const asked = new Float64Array(axes);
  rows.forEach((row, k) => {
    for (let axis = 0; axis < axes; axis++) {
      asked[axis] = (asked[axis] ?? 0) + (amounts[k] ?? 0) * (requests[row * axes + axis] ?? 0);
    }
  });
  return asked;
}

/** No node for it costs less. */
function leastCost(asked: Float64Array, leastPrices: Float64Array): number {
  return asked.reduce(
    (least, amount, axis) => (amount > 0 ? Math.max(least, amount * (leastPrices[axis] ?? 0)) : least),
    0,
  );
}

function bestMerge(
  model: PackingModel,
  of: {
    readonly singles: readonly Single[];
    readonly leastPrices: Float64Array;
    readonly cheapestFirst: readonly number[];
    readonly budget: SearchBudget;
    readonly limits: LimitsLeft | undefined;
  },
): Merge | undefined {
  const { singles, leastPrices, cheapestFirst, budget, limits } = of;
  let best: Merge | undefined;
  for (const some of pairsAndTriples(singles)) {
    if (!budget.spend(model.axes)) return best;
    const price = some.reduce((sum, single) => sum + single.price, 0);
    const wanted = price - (best?.saving ?? 0) - COST_TOLERANCE * price;
    const asked = sumOf(some);
    if (leastCost(asked, leastPrices) >= wanted) continue;
    const { rows, amounts } = togetherOn(some);
    for (const offer of cheapestFirst) {
      const cost = model.prices[offer] ?? 0;
      if (cost >= wanted) break;
      budget.spend(model.axes);
      if (!holds(model, { offer, rows, amounts, asked })) continue;
      if (limits !== undefined && limits.room(offer) < 1) continue;
      best = { singles: some, into: { offer, rows, amounts, nodes: 1 }, saving: price - cost };
      break;
    }
  }
  return best;
}

function* pairsAndTriples(singles: readonly Single[]): Generator<readonly Single[]> {
  for (const [i, first] of singles.entries()) {
    for (const [j, second] of singles.entries()) {
      if (j <= i) continue;
      yield [first, second];
      for (const third of singles.slice(j + 1)) yield [first, second, third];
    }
  }
}

function sumOf(singles: readonly Single[]): Float64Array {
  const sum = new Float64Array(singles[0]?.asked.length ?? 0);
  for (const { asked } of singles) asked.forEach((amount, axis) => (sum[axis] = (sum[axis] ?? 0) + amount));
  return sum;
}

function togetherOn(singles: readonly Single[]): Pick<NodesFilled, 'rows' | 'amounts'> {
  const pods = new Map<number, number>();
  for (const { of } of singles) of.rows.forEach((row, k) => pods.set(row, (pods.get(row) ?? 0) + (of.amounts[k] ?? 0)));
  const rows = Int32Array.from(pods.keys()).sort();
  return { rows, amounts: rows.map((row) => pods.get(row) ?? 0) };
}

function holds(
  model: PackingModel,
  of: Pick<NodesFilled, 'offer' | 'rows' | 'amounts'> & { readonly asked: Float64Array },
): boolean {
  const { axes, capacities, most, rowExclusion, exclusionMax } = model;
  if (of.asked.some((amount, axis) => amount > (capacities[of.offer * axes + axis] ?? 0))) return false;
  const inExclusion = new Map<number, number>();
  return of.rows.every((row, k) => {
    const pods = of.amounts[k] ?? 0;
    if (pods > (most[of.offer]?.[row] ?? 0)) return false;
    const exclusion = rowExclusion[row] ?? -1;
    if (exclusion < 0) return true;
    const all = pods + (inExclusion.get(exclusion) ?? 0);
    inExclusion.set(exclusion, all);
    return all <= (exclusionMax[exclusion] ?? 0);
  });
}

/** One node less of each that was merged, and the one that they became last. */
function merged(filled: readonly NodesFilled[], { singles, into }: Merge): readonly NodesFilled[] {
  const taken = new Map<NodesFilled, number>();
  for (const { of } of singles) taken.set(of, (taken.get(of) ?? 0) + 1);
  const left = filled.map((node) => ({ ...node, nodes: node.nodes - (taken.get(node) ?? 0) }));
  return [...left.filter(({ nodes }) => nodes > 0), into];
}
