// Which nodes may be thought of for removal by choice: of an autoscaled pool, Ready once, little used, held by no rule.
// Whether their pods have other places and whether their time has come is decided in plan-scale-down.ts.
import type { NodeClaim } from '../api/node-claim.ts';
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { SnapshotNode } from '../cluster/build-snapshot.ts';
import { belongsToNode } from '../cluster/pending-groups.ts';
import { timeMs } from './claim-facts.ts';
import type { PlanDraft } from './plan-draft.ts';
import type { PoolState } from './pool-state.ts';
import type { DisruptionLedger } from './removal-rules/disruption-ledger.ts';
import { keptByRule } from './removal-rules/all-rules.ts';
import { podKey, type RemovalOptions } from './removal-rules/removal-rule.ts';
import { utilizationOf } from './utilization.ts';

export interface Candidate {
  readonly pool: PoolState;
  readonly node: SnapshotNode;
  readonly claim: NodeClaim;
  /** The Node says so now. */
  readonly ready: boolean;
  readonly utilization: number;
  /** Of its flavor; 0: not known. */
  readonly pricePerHour: number;
  /** Pods that would be evicted. */
  readonly pods: readonly PodObject[];
  /** Since when it is known to be unneeded. */
  readonly unneededSinceMs: number | undefined;
}

/** What a verdict follows from. */
export type Lasting = 'node' | 'budgets';

export type Judged =
  | { readonly kind: 'candidate'; readonly candidate: Candidate }
  /** `settled`: it is needed, so an unneeded timer ends; else nothing may be said of it now and timers stay. `lasting`: no
   *  timer runs, and the next plan would say the same while node and pool (`budgets`: and disruption budgets and cluster) do not
   *  change. */
  | {
      readonly kind: 'kept';
      readonly because: string | undefined;
      readonly settled: boolean;
      readonly lasting?: Lasting | undefined;
    };

/** Judges one node of ours by itself. */
export function judgeNode(
  draft: PlanDraft,
  ask: {
    readonly node: SnapshotNode;
    readonly claim: NodeClaim;
    readonly cutoff: number;
    readonly budgets: DisruptionLedger;
    /** By flavor. */
    readonly prices: ReadonlyMap<string, number>;
    /** However much it is used. */
    readonly whateverUsed?: true;
  },
): Judged {
  const { node, claim } = ask;
  const pool = draft.poolsByName.get(claim.spec.poolName);
  const standing = standingReason(draft, { pool, node, claim });
  if (standing !== undefined) return standing;
  if (pool === undefined || node.node === undefined) throw new Error('standingReason must have kept this node');
  if (!pool.settings.autoscale) return needed('spec.autoscale of its pool is false');
  const landing = draft.fork.placedOn(node.index).find((pod) => pod.nodeName !== node.name);
  if (landing !== undefined) return needed(`pod ${podKey(landing)} is about to run here`);
  const utilization = utilizationOf(draft.snapshot, node);
  const ready = node.node.ready === 'True';
  const { utilizationThreshold } = pool.settings;
  if (ready && utilization >= utilizationThreshold && ask.whateverUsed !== true) {
    const used = { percent: Math.round(utilization * 100), threshold: Math.round(utilizationThreshold * 100) };
    return isTimed(claim) ? { ...usedEnough(used), lasting: undefined } : usedEnough(used);
  }
  const pods = node.pods.filter((pod) => isEvictable(pod, ask.cutoff));
  const rule = keptByRule({
    nowMs: draft.nowMs,
    pool: pool.pool,
    node,
    pods,
    options: removalOptions(draft),
    budgetsOf: (pod) => ask.budgets.budgetsOf(pod),
  });
  if (rule !== undefined) return needed(rule);
  const { drainTimeoutSeconds, drainForce } = claim.spec;
  const blocked = ask.budgets.blocked(pods, { timeoutMs: drainTimeoutSeconds * 1000, force: drainForce });
  if (blocked !== undefined) {
    return { ...needed(blocked), lasting: ready && !isTimed(claim) ? 'budgets' : undefined };
  }
  const unneededSinceMs = timeMs(claim.status?.unneededSince);
  const pricePerHour = ask.prices.get(claim.spec.flavor) ?? 0;
  return {
    kind: 'candidate',
    candidate: { pool, node, claim, ready, utilization, pricePerHour, pods, unneededSinceMs },
  };
}

/** Would be evicted when its node goes. */
export function isEvictable(pod: PodObject, cutoff: number): boolean {
  return !belongsToNode(pod) && !pod.deleting && pod.priority >= cutoff;
}

/** What keeps a node whatever its pods are; undefined: look closer. */
function standingReason(
  draft: PlanDraft,
  ask: { readonly pool: PoolState | undefined; readonly node: SnapshotNode; readonly claim: NodeClaim },
): Judged | undefined {
  const { pool, node, claim } = ask;
  const unsettled = (because: string | undefined): Judged => ({ kind: 'kept', because, settled: false });
  if (node.draining || draft.removals.has(claim.metadata.name)) return unsettled(undefined);
  if (draft.objects.frozen !== undefined) return unsettled(`nothing is removed now: ${draft.objects.frozen}`);
  if (pool === undefined) return unsettled('its NodePool is not in the list, and absence removes nothing');
  if (pool.deleting) return unsettled(undefined);
  const [problem] = pool.problems;
  if (problem !== undefined) return unsettled(`its pool is left as it stands: ${problem.message}`);
  if (node.node === undefined || claim.status?.phase !== 'Ready') return needed('it is not Ready yet');
  return undefined;
}

/** Cluster-autoscaler's defaults, not OVH's laxer ones: losing data or DNS is worse than keeping a node. */
function removalOptions(draft: PlanDraft): RemovalOptions {
  const { skipNodesWithLocalStorage, skipNodesWithSystemPods, skipNodesWithCustomControllerPods } =
    draft.objects.cluster.spec.autoscaler ?? {};
  return {
    skipNodesWithLocalStorage: skipNodesWithLocalStorage ?? true,
    skipNodesWithSystemPods: skipNodesWithSystemPods ?? true,
    skipNodesWithCustomControllerPods: skipNodesWithCustomControllerPods ?? true,
  };
}

function isTimed({ status }: NodeClaim): boolean {
  return (status?.unneededSince ?? status?.unreadySince) !== undefined;
}

function needed(because: string): Judged & { readonly kind: 'kept' } {
  return { kind: 'kept', because, settled: true };
}

/** Said of most nodes in every plan: one answer for each pair of percentages, at most 101 × 101. */
const usedAnswers = new Map<number, Judged & { readonly kind: 'kept' }>();

function usedEnough({ percent, threshold }: { readonly percent: number; readonly threshold: number }): Judged & {
  readonly kind: 'kept';
} {
  const key = percent * 1000 + threshold;
  let judged = usedAnswers.get(key);
  if (judged === undefined) {
    const because = `it is used to ${percent} % and the threshold is ${threshold} %`;
    judged = { kind: 'kept', because, settled: true, lasting: 'node' };
    usedAnswers.set(key, judged);
  }
  return judged;
}
