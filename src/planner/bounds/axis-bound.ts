// Bounds that need no search. Axis: of one resource alone, each pod costs at least its share of the node on which a unit
// is cheapest for it, and nodes are at least what the demand makes of the roomiest ones. Clique: pods that may not share
// a node pay for one each, or for the part of one that so many of them may share.
import { boundOf } from './bound-of.ts';
import type { PackingModel } from './packing-model.ts';
import type { LowerBound } from './packing-problem.ts';

/** The best of the axes. */
export function axisBound(model: PackingModel): LowerBound {
  const { axes, rows, requests, counts, capacities } = model;
  const least = new LeastShares(model);
  let cost = 0;
  let nodes = 0;
  for (let axis = 0; axis < axes; axis++) {
    let axisCost = 0;
    let axisNodes = 0;
    least.setRoom((offer) => capacities[offer * axes + axis] ?? 0);
    for (let row = 0; row < rows; row++) {
      const request = (requests[row * axes + axis] ?? 0) * (counts[row] ?? 0);
      if (request === 0) continue;
      least.find(row);
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
  const { rows, offers, counts, most, prices, rowExclusion } = model;
  const cost = new Float64Array(model.exclusionMax.length);
  const nodes = new Float64Array(model.exclusionMax.length);
  const shared = new LeastShares(model);
  let bestCost = 0;
  let bestNodes = 0;
  let room = -1;
  for (let row = 0; row < rows; row++) {
    const count = counts[row] ?? 0;
    // More of them than fit would say no less, so this is the pods' own size as well as their exclusion.
    let ownCost = Infinity;
    let mostPods = 0;
    for (let offer = 0; offer < offers; offer++) {
      const pods = most[offer]?.[row] ?? 0;
      if (pods === 0) continue;
      ownCost = Math.min(ownCost, (prices[offer] ?? 0) / pods);
      mostPods = Math.max(mostPods, pods);
    }
    if (mostPods === 0) continue;
    bestCost = Math.max(bestCost, count * ownCost);
    bestNodes = Math.max(bestNodes, count / mostPods);
    const exclusion = rowExclusion[row] ?? -1;
    if (exclusion < 0) continue;
    const max = model.exclusionMax[exclusion] ?? 1;
    if (max !== room) shared.setRoom(() => max);
    room = max;
    shared.find(row);
    cost[exclusion] = (cost[exclusion] ?? 0) + count * shared.cost;
    nodes[exclusion] = (nodes[exclusion] ?? 0) + count * shared.nodes;
  }
  for (let exclusion = 0; exclusion < cost.length; exclusion++) {
    bestCost = Math.max(bestCost, cost[exclusion] ?? 0);
    bestNodes = Math.max(bestNodes, nodes[exclusion] ?? 0);
  }
  return boundOf(model, { kind: 'clique', cost: bestCost, nodes: bestNodes });
}

/** Least price, and least part of a node, per unit of room over the offers on which a row fits. */
class LeastShares {
  readonly #model: PackingModel;
  /** Per offer; Infinity: it has no room. */
  readonly #costs: Float64Array;
  readonly #nodes: Float64Array;
  /** Of the row that was asked last; 0: it fits nowhere. */
  cost = 0;
  nodes = 0;

  constructor(model: PackingModel) {
    this.#model = model;
    this.#costs = new Float64Array(model.offers);
    this.#nodes = new Float64Array(model.offers);
  }

  setRoom(room: (offer: number) => number): void {
    for (let offer = 0; offer < this.#costs.length; offer++) {
      const units = room(offer);
      this.#costs[offer] = units > 0 ? (this.#model.prices[offer] ?? 0) / units : Infinity;
      this.#nodes[offer] = units > 0 ? 1 / units : Infinity;
    }
  }

  find(row: number): void {
    const { most } = this.#model;
    let cost = Infinity;
    let nodes = Infinity;
    for (let offer = 0; offer < this.#costs.length; offer++) {
      if ((most[offer]?.[row] ?? 0) === 0) continue;
      cost = Math.min(cost, this.#costs[offer] ?? Infinity);
      nodes = Math.min(nodes, this.#nodes[offer] ?? Infinity);
    }
    this.cost = cost === Infinity ? 0 : cost;
    this.nodes = nodes === Infinity ? 0 : nodes;
  }
}
