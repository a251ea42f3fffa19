// What the nodes cost that a plan adds because pods wait, and how much of that is proven to be needed: the bound is of
// exactly the pods that the plan puts on them. Nodes that a pool's size asks for are not part of it, and neither are the
// preferences of people (priority of pools, limits): the figure shows what they cost.
import type { PodShape } from '../cluster/cluster-objects.ts';
import { axisBound, cliqueBound } from './bounds/axis-bound.ts';
import { bestBound, cheapBounds } from './bounds/lower-bound.ts';
import { modelOf } from './bounds/packing-model.ts';
import { NO_LIMIT, type LowerBound, type PackingProblem } from './bounds/packing-problem.ts';
import { SearchBudget } from './bounds/search-budget.ts';
import { takesPods } from './pack-new-nodes.ts';
import { type BoundStated, onlyProblem } from './patterns/improved-patterns.ts';
import { problemOfPods, type PodsAsked } from './patterns/problem-of-pods.ts';
import { draftOffers, type NewNode, nodesIn, type PlanDraft } from './plan-draft.ts';
import type { NewNodesCost, PodRange } from './plan.ts';

/** Steps for the bound of one plan: 10 ms with 300 shapes and 16 flavors, which is enough for the LP over types there; one
 *  round of it where that takes longer. */
const STEPS_MAX = 2_500_000;
/** Shapes times offers up to which the LP over types is asked: one round with 10,000 shapes on 16 flavors takes 0.2 s. */
const LP_CELLS_MAX = 30_000;

/** Cost and bound, and of what the bound is; undefined when no node is added for pods. */
export function newNodesCost(
  draft: PlanDraft,
): { readonly cost: NewNodesCost; readonly stated: BoundStated } | undefined {
  const nodes = draft.newNodes.filter((node) => (node.reason === '' && node.pods.length > 0) || node.amended === true);
  if (nodes.length === 0) return undefined;
  let pods = 0;
  for (const node of nodes) for (const { from, to } of node.pods) pods += to - from;
  // The search for the nodes has asked it in most plans, and has looked harder than there is time for here.
  const only = onlyProblem(draft.solved, pods);
  const problem = only ?? problemOf(draft, podsOn(draft, nodes));
  const bound = draft.improved?.bound(problem) ?? (only === undefined ? quickBound(problem) : solvedBound(draft));
  // From the cheapest up, so that the order of the nodes cannot change the last digits.
  const prices = nodes.map((node) => ({ price: node.offer.pricePerHour, count: nodesIn(node) }));
  prices.sort((a, b) => a.price - b.price || a.count - b.count);
  const perHour = prices.reduce((sum, { price, count }) => sum + price * count, 0);
  // Not cut at the cost: a bound above it is a mistake that must show.
  const lowerBoundPerHour = bound.costPerHour;
  const cost: NewNodesCost = {
    nodes: prices.reduce((sum, { count }) => sum + count, 0),
    perHour: rounded(perHour),
    lowerBoundNodes: bound.nodes,
    lowerBoundPerHour: rounded(lowerBoundPerHour),
    lowerBoundKind: bound.kind,
    overLowerBound: lowerBoundPerHour > 0 ? rounded(perHour / lowerBoundPerHour - 1) : 0,
  };
  return { cost, stated: { problem, bound } };
}

/** How many of each shape, in an order that does not hang on that of the nodes: shapes of pending pods as the snapshot has them, then
 *  the others by their keys, which are long. */
function podsOn({ snapshot }: PlanDraft, nodes: readonly NewNode[]): readonly PodsAsked[] {
  // By list: to read the shape of a pod of each range would touch most pods.
  const counts = new Map<PodRange['pods'], number>();
  for (const node of nodes) {
    for (const { pods, from, to } of node.pods) counts.set(pods, (counts.get(pods) ?? 0) + to - from);
  }
  const asked = new Map<PodShape, number>();
  for (const { shape, pods } of snapshot.pendingGroups) {
    const count = counts.get(pods);
    if (count === undefined) continue;
    asked.set(shape, (asked.get(shape) ?? 0) + count);
    counts.delete(pods);
  }
  // Pods that have to move.
  const others = [...counts].flatMap(([pods, count]) =>
    pods[0] === undefined ? [] : [{ shape: pods[0].shape, count }],
  );
  others.sort((a, b) => (a.shape.key < b.shape.key ? -1 : a.shape.key > b.shape.key ? 1 : 0));
  for (const { shape, count } of others) asked.set(shape, (asked.get(shape) ?? 0) + count);
  return [...asked].map(([shape, count]): PodsAsked => ({ shape, count }));
}

function problemOf(draft: PlanDraft, asked: readonly PodsAsked[]): PackingProblem {
  const offers = draft.pools.filter(takesPods).flatMap((pool) => draftOffers(draft, pool).offers);
  const namespaces = new Map(draft.objects.namespaces.map(({ name, labels }) => [name, labels]));
  return problemOfPods({
    asked,
    offered: offers.map(({ template, pricePerHour }) => ({ template, pricePerHour, tier: 0, limitGroup: 0 })),
    groupNodesMax: Int32Array.of(NO_LIMIT),
    namespaceLabels: (namespace) => namespaces.get(namespace),
  });
}

function solvedBound({ solved }: PlanDraft): LowerBound {
  const [only] = solved;
  if (only === undefined) throw new Error('a plan that asked one problem must have its answer');
  return only.choice.bound;
}

/** The best that can be found in no time. */
function quickBound(problem: PackingProblem): LowerBound {
  const model = modelOf(problem);
  if (model.rows * model.offers > LP_CELLS_MAX) return bestBound([axisBound(model), cliqueBound(model)]);
  return cheapBounds(model, new SearchBudget(STEPS_MAX)).bound;
}

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
