// Whose limit counts a node: its own offer's, or that of a like offer when the own one is full. Nodes may come in parts.
import type { PackingModel } from '../bounds/packing-model.ts';
import { isAllowed, NO_LIMIT, type PackingProblem } from '../bounds/packing-problem.ts';
import type { NodesFilled } from './fill-nodes.ts';

/** Of a node: what a solution in parts may be above a limit by arithmetic alone. */
const NOISE = 1e-6;

export interface Dealt {
  /** Of the offers that they are of. */
  readonly kept: readonly NodesFilled[];
  /** Of a like offer of the problem. */
  readonly elsewhere: readonly { readonly node: NodesFilled; readonly offer: number }[];
  /** A limit has cut something off. */
  readonly cut: boolean;
}

/** Takes the nodes off `room` (per limit group), as far as it goes, those with most worth per price first. */
export function dealNodes(
  problem: PackingProblem,
  of: {
    readonly model: PackingModel;
    readonly filled: readonly NodesFilled[];
    /** Of the problem, among which like ones are looked for. */
    readonly offers: readonly number[];
    readonly room: Int32Array | Float64Array;
  },
): Dealt {
  const { model, room } = of;
  const twins = new Map<number, readonly number[]>();
  const kept: NodesFilled[] = [];
  const elsewhere: { readonly node: NodesFilled; readonly offer: number }[] = [];
  let cut = false;
  for (const node of byWorth(of)) {
    const takeRoom = (offer: number, wanted: number): number =>
      takeFrom(room, { group: problem.limitGroups[offer] ?? 0, wanted });
    let nodes = takeRoom(model.offerOf[node.offer] ?? 0, node.nodes);
    if (nodes > 0) kept.push({ ...node, nodes });
    if (nodes === node.nodes) continue;
    const same = twins.get(node.offer) ?? twinsOf(problem, model.offerOf[node.offer] ?? 0, of.offers);
    twins.set(node.offer, same);
    for (const offer of same) {
      if (!node.rows.every((row) => (model.members[row] ?? []).every((shape) => isAllowed(problem, shape, offer))))
        continue;
      const more = takeRoom(offer, node.nodes - nodes);
      if (more > 0) elsewhere.push({ node: { ...node, nodes: more }, offer });
      nodes += more;
    }
    if (nodes < node.nodes - NOISE) cut = true;
  }
  return { kept, elsewhere, cut };
}

/** How many of `wanted` nodes the group's limit admits; they count from now on. */
function takeFrom(
  room: Int32Array | Float64Array,
  { group, wanted }: { readonly group: number; readonly wanted: number },
): number {
  const left = room[group] ?? 0;
  const nodes = Math.min(wanted, left);
  room[group] = left >= NO_LIMIT ? NO_LIMIT : left - nodes;
  return nodes;
}

/** Offers of the same price with as much room under other limits: where a pool is full, another one serves as well. */
function twinsOf(problem: PackingProblem, own: number, offers: readonly number[]): readonly number[] {
  const { axes, capacities, prices, limitGroups } = problem;
  return offers.filter((offer) => {
    if (prices[offer] !== prices[own] || limitGroups[offer] === limitGroups[own]) return false;
    for (let axis = 0; axis < axes; axis++) {
      if ((capacities[offer * axes + axis] ?? 0) < (capacities[own * axes + axis] ?? 0)) return false;
    }
    return true;
  });
}

function byWorth(of: {
  readonly model: PackingModel;
  readonly filled: readonly NodesFilled[];
  readonly room: Int32Array | Float64Array;
}): readonly NodesFilled[] {
  const { model, filled, room } = of;
  if (room.every((nodes) => nodes >= NO_LIMIT)) return filled;
  const pods = (node: NodesFilled): number => node.amounts.reduce((sum, amount) => sum + amount, 0);
  return filled
    .map((node) => ({ node, perPrice: pods(node) / (model.prices[node.offer] ?? 1) }))
    .sort((a, b) => b.perPrice - a.perPrice)
    .map(({ node }) => node);
}
