// Bounds that need no search. Axis: of one resource alone, each pod costs at least its share of the node on which a unit
// is cheapest for it, and nodes are at least what the demand makes of the roomiest ones. Clique: pods that may not share
// a node pay for one each, or for the part of one that so many of them may share.
import { boundOf } from './bound-of.ts';
import type { PackingModel } from './packing-model.ts';
import type { LowerBound } from './packing-problem.ts';

/** The best of the axes. */
export function axisBound(model: PackingModel): LowerBound {
  let cost = 0;
  let nodes = 0;
  for (let axis = 0; axis < model.axes; axis++) {
    let axisCost = 0;
    let axisNodes = 0;
    for (let row = 0; row < model.rows; row++) {
      const request = (model.requests[row * model.axes + axis] ?? 0) * (model.counts[row] ?? 0);
      if (request === 0) continue;
      const least = leastShare(model, row, (offer) => model.capacities[offer * model.axes + axis] ?? 0);
      axisCost += request * least.cost;
      axisNodes += request * least.nodes;
    }
    cost = Math.max(cost, axisCost);
    nodes = Math.max(nodes, axisNodes);
  }
  return boundOf(model, { kind: 'axis', cost, nodes });
}

/** The best of the sets of pods that exclude each other: those of an exclusion, and each shape with a limit of its own. */
export function cliqueBound(model: PackingModel): LowerBound {
  const cost = new Float64Array(model.exclusionMax.length);
  const nodes = new Float64Array(model.exclusionMax.length);
  let bestCost = 0;
  let bestNodes = 0;
  for (let row = 0; row < model.rows; row++) {
    const count = model.counts[row] ?? 0;
    // More of them than fit would say no less, so this is the pods' own size as well as their exclusion.
    const own = leastShare(model, row, (offer) => model.most[offer]?.[row] ?? 0);
    bestCost = Math.max(bestCost, count * own.cost);
    bestNodes = Math.max(bestNodes, count * own.nodes);
    const exclusion = model.rowExclusion[row] ?? -1;
    if (exclusion < 0) continue;
    const max = model.exclusionMax[exclusion] ?? 1;
    const shared = leastShare(model, row, () => max);
    cost[exclusion] = (cost[exclusion] ?? 0) + count * shared.cost;
    nodes[exclusion] = (nodes[exclusion] ?? 0) + count * shared.nodes;
  }
  for (let exclusion = 0; exclusion < cost.length; exclusion++) {
    bestCost = Math.max(bestCost, cost[exclusion] ?? 0);
    bestNodes = Math.max(bestNodes, nodes[exclusion] ?? 0);
  }
  return boundOf(model, { kind: 'clique', cost: bestCost, nodes: bestNodes });
}

/** Least price, and least part of a node, per unit of `room` over the offers on which `row` fits. */
function leastShare(
  model: PackingModel,
  row: number,
  room: (offer: number) => number,
): { readonly cost: number; readonly nodes: number } {
  let cost = Infinity;
  let nodes = Infinity;
  for (let offer = 0; offer < model.offers; offer++) {
    if ((model.most[offer]?.[row] ?? 0) === 0) continue;
    const units = room(offer);
    if (units <= 0) continue;
    cost = Math.min(cost, (model.prices[offer] ?? 0) / units);
    nodes = Math.min(nodes, 1 / units);
  }
  return cost === Infinity ? { cost: 0, nodes: 0 } : { cost, nodes };
}
