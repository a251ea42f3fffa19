// How kube-scheduler 1.37 ranks nodes that all take a pod, as far as cpu and memory decide: NodeResourcesFit (LeastAllocated)
// and NodeResourcesBalancedAllocation, weight 1 each, in whole points as there.

const SCORE_MAX = 100;

/** What a score is made of, in one list so that asking for thousands of scores allocates nothing: of cpu, then of memory, what
 *  the node has for pods altogether, what is free, and what the pod asks for (no more than is free). */
export type ScoredAmounts = Float64Array;

/** Higher is better. */
export function resourceScore(amounts: ScoredAmounts): number {
  return leastAllocated(amounts) + balance(amounts);
}

function leastAllocated(amounts: ScoredAmounts): number {
  return Math.floor((freePoints(amounts, 0) + freePoints(amounts, 3)) / 2);
}

function freePoints(amounts: ScoredAmounts, at: number): number {
  const allocatable = amounts[at] ?? 0;
  return allocatable === 0
    ? 0
    : Math.floor((((amounts[at + 1] ?? 0) - (amounts[at + 2] ?? 0)) * SCORE_MAX) / allocatable);
}

/** What the pod does to the balance of the two. A pod that asks for neither gets none. */
function balance(amounts: ScoredAmounts): number {
  const cpuRequest = amounts[2] ?? 0;
  const memoryRequest = amounts[5] ?? 0;
  if (cpuRequest === 0 && memoryRequest === 0) return 0;
  const cpu = (amounts[0] ?? 0) - (amounts[1] ?? 0);
  const memory = (amounts[3] ?? 0) - (amounts[4] ?? 0);
  const before = evenness(share(cpu, amounts[0] ?? 0) - share(memory, amounts[3] ?? 0));
  const after = evenness(share(cpu + cpuRequest, amounts[0] ?? 0) - share(memory + memoryRequest, amounts[3] ?? 0));
  return SCORE_MAX / 2 + Math.trunc((SCORE_MAX / 2 + after - before) / 2);
}

function evenness(difference: number): number {
  return Math.floor((1 - Math.abs(difference) / 2) * SCORE_MAX);
}

function share(used: number, allocatable: number): number {
  return allocatable === 0 ? 0 : Math.min(1, used / allocatable);
}

/** The scheduler looks at a hundred nodes and more that take a pod. The best of sixteen leaves as many pods in the end (w1, w5 and
 *  w12 of bench-inputs: within two tenths of a percent), at a tenth of the cost; with very many pods fewer do. */
const NODES_SCORED_MAX = 16;
const NODES_SCORED_MIN = 3;
/** Scores of one run: some 50 ms. */
const SCORES_MAX = 500_000;

/** How many nodes that take a pod are scored, when so many pods wait. */
export function nodesScored(pods: number): number {
  return Math.max(NODES_SCORED_MIN, Math.min(NODES_SCORED_MAX, Math.floor(SCORES_MAX / Math.max(1, pods))));
}
