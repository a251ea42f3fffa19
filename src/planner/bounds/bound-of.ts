// What a bound of the cost says of the nodes, and the other way round.
import type { PackingModel } from './packing-model.ts';
import type { BoundKind, LowerBound } from './packing-problem.ts';

/** Takes off what sums of thousands of doubles may be too high by. */
const ROUNDING = 1 - 1e-9;

/** Both figures from either: so many nodes cost so many of the cheapest at least, and a cost takes so many of the dearest;
 *  with one price the cost is that of whole nodes. */
export function boundOf(
  model: PackingModel,
  of: { readonly kind: BoundKind; readonly cost: number; readonly nodes?: number },
): LowerBound {
  const dearest = dearestOf(model);
  const cheapest = model.prices.reduce((least, price) => Math.min(least, price), Infinity);
  const nodes = Math.max(wholeNodes(of.nodes ?? 0), dearest > 0 ? wholeNodes(of.cost / dearest) : 0);
  return { kind: of.kind, costPerHour: nodes === 0 ? 0 : Math.max(of.cost * ROUNDING, nodes * cheapest), nodes };
}

export function dearestOf(model: PackingModel): number {
  return model.prices.reduce((most, price) => Math.max(most, price), 0);
}

/** `nodes` rounded up to whole ones, unless it is above a whole number by rounding only. */
function wholeNodes(nodes: number): number {
  return Math.ceil(nodes * ROUNDING - 1e-9);
}
