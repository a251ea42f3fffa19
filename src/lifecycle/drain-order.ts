// Which pods of a node must go, and how. Disruption budgets are the API server's to judge at each eviction; they are kept
// until the drain timeout, and past it only when the pool's drain.force says so.
import type { PodObject } from '../cluster/cluster-objects.ts';

export interface DrainRound {
  /** Through the Eviction API, in this order. */
  readonly evict: readonly PodObject[];
  /** The timeout is over and force is set: deleted without asking the budget. */
  readonly deletePastTimeout: readonly PodObject[];
  /** Already on their way out. */
  readonly leaving: readonly PodObject[];
}

export interface DrainInput {
  readonly pods: readonly PodObject[];
  readonly nowMs: number;
  readonly startedMs: number;
  readonly timeoutMs: number;
  readonly force: boolean;
}

/** Evictions of one round: more would spend the tenant's whole share of API calls on one node. */
const EVICTIONS_PER_ROUND_MAX = 50;
/** Past the timeout, pods get this long to end before the server goes under them: the usual grace period, twice. */
export const FORCED_GRACE_MS = 60_000;

/** 'empty': nothing keeps the node. */
export function drainOrder(input: DrainInput): DrainRound | 'empty' {
  const staying = input.pods.filter(mustGo);
  const leaving = staying.filter((pod) => pod.deleting);
  const left = staying.filter((pod) => !pod.deleting).sort(byImportance);
  const overdueMs = input.nowMs - input.startedMs - input.timeoutMs;
  const forced = overdueMs >= 0 && input.force;
  if (left.length === 0 && (leaving.length === 0 || (forced && overdueMs >= FORCED_GRACE_MS))) return 'empty';
  const now = left.slice(0, EVICTIONS_PER_ROUND_MAX);
  return { evict: forced ? [] : now, deletePastTimeout: forced ? now : [], leaving };
}

/** DaemonSet and mirror pods belong to the node, finished ones to nobody. */
export function mustGo(pod: PodObject): boolean {
  return pod.controller?.kind !== 'DaemonSet' && !pod.mirror && pod.phase !== 'Succeeded' && pod.phase !== 'Failed';
}

/** Least important first, so that what others depend on goes last; then by name, to be the same each time. */
function byImportance(a: PodObject, b: PodObject): number {
  if (a.priority !== b.priority) return a.priority - b.priority;
  const left = `${a.namespace}/${a.name}`;
  const right = `${b.namespace}/${b.name}`;
  return left < right ? -1 : left > right ? 1 : 0;
}
