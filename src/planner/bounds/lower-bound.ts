// The best of the bounds that cost next to nothing, for every plan; the configuration LP comes from column generation.
import { axisBound, cliqueBound } from './axis-bound.ts';
import type { PackingModel } from './packing-model.ts';
import type { LowerBound } from './packing-problem.ts';
import type { SearchBudget } from './search-budget.ts';
import { typesLp } from './types-lp.ts';

/** The bound of highest cost, the first given of equals, with the most nodes that any of them proves. */
export function bestBound(bounds: readonly LowerBound[]): LowerBound {
  let best: LowerBound = { kind: 'axis', costPerHour: 0, nodes: 0 };
  let nodes = 0;
  for (const bound of bounds) {
    nodes = Math.max(nodes, bound.nodes);
    if (bound.costPerHour > best.costPerHour) best = bound;
  }
  return { ...best, nodes };
}

/** Axis, clique and types LP, and what a pod of each row is worth by the last one. */
export function cheapBounds(
  model: PackingModel,
  budget: SearchBudget,
): { readonly bound: LowerBound; readonly worth: Float64Array } {
  const { bound, worth } = typesLp(model, budget);
  return { bound: bestBound([axisBound(model), cliqueBound(model), bound]), worth };
}
