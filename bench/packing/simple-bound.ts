// A lower bound that anyone can check by hand: no set of nodes that holds the pods costs less. Per axis, demand at the best
// price per unit of any type; for pods that keep away from each other, as many of the cheapest type. The product's own
// bounds are sharper; one that were below this would be wrong.
import type { NodeType, Workload, WorkloadGroup } from '../inputs/read-workload.ts';

export interface Bound {
  readonly value: number;
  readonly kind: string;
}

const AXES = ['cpuMillis', 'memoryMiB', 'gpus'] as const;
/** Sums of prices are floating point. */
const TOLERANCE = 1e-9;

/** The bound on the hourly price of nodes for all pods that some type can hold alone. `wholeNodes`: there is one type and
 *  its price is 1, so that the bound is a number of nodes. */
export function simpleBound(workload: Workload, types: readonly NodeType[], wholeNodes: boolean): Bound {
  const groups = workload.groups.filter((group) => types.some((type) => holds(type, group)));
  const bounds: Bound[] = AXES.map((axis) => ({
    kind: `axis ${axis}`,
    value: sum(groups, (group) => group[axis] * group.count) * leastPer(types, (type) => type[axis]),
  }));
  bounds.push({ kind: 'axis pods', value: sum(groups, ({ count }) => count) * leastPer(types, ({ pods }) => pods) });
  bounds.push({ kind: 'clique', value: largestClique(groups) * Math.min(...types.map((type) => type.pricePerHour)) });
  const best = bounds.reduce((most, bound) => (bound.value > most.value ? bound : most));
  return wholeNodes ? { ...best, value: Math.ceil(best.value - TOLERANCE) } : best;
}

/** Can a node of this type hold one pod of the group? */
export function holds(type: NodeType, group: WorkloadGroup): boolean {
  return type.pods > 0 && AXES.every((axis) => group[axis] <= type[axis]);
}

function leastPer(types: readonly NodeType[], amount: (type: NodeType) => number): number {
  const prices = types.filter((type) => amount(type) > 0).map((type) => type.pricePerHour / amount(type));
  return prices.length === 0 ? 0 : Math.min(...prices);
}

/** Pods of which no two may share a node: those that carry the label which their own anti-affinity selects. */
function largestClique(groups: readonly WorkloadGroup[]): number {
  const sizes = new Map<string, number>();
  for (const { kind, label, selector, count } of groups) {
    if (kind === 'anti-host' && label === selector) sizes.set(label, (sizes.get(label) ?? 0) + count);
  }
  return Math.max(0, ...sizes.values());
}

function sum(groups: readonly WorkloadGroup[], amount: (group: WorkloadGroup) => number): number {
  return groups.reduce((total, group) => total + amount(group), 0);
}
