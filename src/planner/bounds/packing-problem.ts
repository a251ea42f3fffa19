// What is to be covered: pods by shape, and the nodes that could be had, as columns of numbers. No zones, labels or names
// here: who may run where is a bit, a zone is another offer, an order of preference is the order of the offers.

/** A limit that never binds; the largest count that an Int32 column holds. */
export const NO_LIMIT = 2 ** 31 - 1;

/** Pods of which only a few may share a node: one host port, one anti-affinity term on the hostname. */
export interface Exclusion {
  readonly shapes: readonly number[];
  /** Most pods of all these shapes together on one node. */
  readonly perNodeMax: number;
}

/** All columns are dense; amounts are whole numbers below 2^53, so sums of a node are exact. */
export interface PackingProblem {
  readonly axes: number;
  readonly shapes: number;
  readonly offers: number;
  /** shapes × axes: what one pod takes. */
  readonly requests: Float64Array;
  /** Pods per shape. */
  readonly counts: Int32Array;
  /** Most pods of the shape on one node (anti-affinity to itself, host ports); NO_LIMIT: as many as fit. */
  readonly perNodeMax: Int32Array;
  readonly exclusions: readonly Exclusion[];
  /** offers × axes: what pods can have of one node. */
  readonly capacities: Float64Array;
  /** Per hour, above 0. Offers stand in order of preference: of what costs the same, the earlier is taken. */
  readonly prices: Float64Array;
  /** Offers of a lower tier are used up before the next (priority of pools); ascending need not hold. */
  readonly tiers: Int32Array;
  /** Index of the flavor, for the limit on distinct flavors. */
  readonly flavors: Int32Array;
  /** Index into `groupNodesMax`: offers that share a limit (a pool). */
  readonly limitGroups: Int32Array;
  /** Most new nodes of each group. */
  readonly groupNodesMax: Int32Array;
  /** shapes × ceil(offers / 32): bit per offer on which the shape may run, its size aside. */
  readonly allowed: Uint32Array;
}

/** One way to fill a node, and how many nodes are filled so. */
export interface Pattern {
  readonly offer: number;
  /** Shapes on it, ascending, and how many pods of each. */
  readonly shapes: Int32Array;
  readonly amounts: Int32Array;
  readonly nodes: number;
}

export type BoundKind = 'axis' | 'clique' | 'typesLp' | 'configurationLp';

/** No plan that places all the pods costs less, or has fewer nodes. */
export interface LowerBound {
  readonly kind: BoundKind;
  readonly costPerHour: number;
  readonly nodes: number;
}

/** May a pod of `shape` run on an empty node of `offer`, its size aside? */
export function isAllowed(problem: PackingProblem, shape: number, offer: number): boolean {
  const words = (problem.offers + 31) >>> 5;
  return (((problem.allowed[shape * words + (offer >>> 5)] ?? 0) >>> (offer & 31)) & 1) === 1;
}

/** Every bit set: all shapes may run on all offers. */
export function allAllowed(shapes: number, offers: number): Uint32Array {
  return new Uint32Array(shapes * ((offers + 31) >>> 5)).fill(0xffffffff);
}
