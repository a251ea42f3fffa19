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

/** Axis, clique and types LP, and what a pod of each row is worth by the last one. With one offer the LP over types says
 *  what the scarcest axis says, but for shapes of which fewer pods are left than a node takes: it is not asked. */
export function cheapBounds(
  model: PackingModel,
  budget: SearchBudget,
): { readonly bound: LowerBound; readonly worth: Float64Array } {
  if (model.offers === 1) {
    return { bound: bestBound([axisBound(model), cliqueBound(model)]), worth: worthByLargestShare(model) };
  }
  const { bound, worth } = typesLp(model, budget);
  return { bound: bestBound([axisBound(model), cliqueBound(model), bound]), worth };
}

/** Per row the largest part of the only offer's node that a pod takes, at its price. */
function worthByLargestShare(model: PackingModel): Float64Array {
  return Float64Array.from({ length: model.rows }, (_, row) => {
    let part = 0;
    for (let axis = 0; axis < model.axes; axis++) {
      const room = model.capacities[axis] ?? 0;
      if (room > 0) part = Math.max(part, (model.requests[row * model.axes + axis] ?? 0) / room);
    }
    return part * (model.prices[0] ?? 0);
  });
}
