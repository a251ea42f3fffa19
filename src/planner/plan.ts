// The Plan: what we will do, as immutable data that leaves no choice to its execution.
import type { NodeClaimSpec, RemovalReason } from '../api/node-claim.ts';
import type { Reason } from '../api/conditions.ts';
import type { LowerBound } from './bounds/packing-problem.ts';
import { type ClaimNames, nameAt } from './node-names.ts';
import type { Polishable } from './patterns/improved-patterns.ts';
import type { PodObject } from '../cluster/cluster-objects.ts';
import { comparePods } from '../cluster/pending-groups.ts';

/** Pods of one list: `pods[from]` up to, but not, `pods[to]`. Lists are the groups of the snapshot, shared, so that a plan
 *  for a hundred thousand pods is as small as its nodes. */
export interface PodRange {
  readonly pods: readonly PodObject[];
  readonly from: number;
  readonly to: number;
}

/** What is to be done, equal new claims as one step: a plan is as small as the kinds of its nodes. `singleSteps` has them one by
 *  one. A step whose precondition no longer holds is dropped and planned again. */
export type PlanStep =
  | {
      readonly kind: 'createClaims';
      readonly pool: string;
      /** One per claim. */
      readonly names: ClaimNames;
      /** Of each, less what follows from its share of the pods (`plannedPods`). */
      readonly spec: NodeClaimSpec;
      /** Why they are made; empty: for their pods. */
      readonly reason: string;
      /** Whom the nodes are for: of each range an equal share, in the order of the names. */
      readonly pods: readonly PodRange[];
    }
  | {
      readonly kind: 'removeClaim';
      readonly pool: string;
      readonly claim: string;
      readonly claimUid: string;
      readonly reason: RemovalReason;
      readonly message: string;
    }
  | {
      readonly kind: 'setDesiredNodes';
      readonly pool: string;
      readonly poolUid: string;
      readonly from: number | undefined;
      readonly to: number;
      readonly reason: string;
    }
  /** Starts (sinceMs) or clears (undefined) a durable timer on a claim. */
  | {
      readonly kind: 'setTimer';
      readonly claim: string;
      readonly claimUid: string;
      readonly timer: 'unneededSince' | 'unreadySince' | 'replaceableSince';
      readonly sinceMs: number | undefined;
    };

/** Why a wish of a pool is not met now. */
export interface Blocked {
  readonly pool: string;
  readonly reason: Reason;
  /** What a person can do. */
  readonly message: string;
}

/** Where pods go, or why they have no place. */
export interface PodPlace {
  readonly outcome: 'onExistingNode' | 'onUpcomingNode' | 'onNewNode' | 'unplaceable' | 'waitingForPreemption';
  /** Node or claim name; empty when unplaceable. */
  readonly target: string;
  /** Per pool, why a new node of it would not help; empty when placed. */
  readonly refusals: readonly { readonly pool: string; readonly message: string }[];
}

/** Pods that share one answer. */
export interface PodRun extends PodRange, PodPlace {
  /** New nodes that they are dealt to in equal shares, in order; `target` is the first. Absent: there is one target. */
  readonly targets?: ClaimNames;
}

/** The answer for one pod. */
export interface PodVerdict extends PodPlace {
  readonly podUid: string;
  readonly namespace: string;
  readonly name: string;
}

export interface NodeVerdict {
  readonly claim: string;
  readonly pool: string;
  /** Largest of cpu and memory requested over allocatable, in [0, 1]. */
  readonly utilization: number;
  /** undefined: may go (or will when its time has come). */
  readonly keptBecause: string | undefined;
}

export interface PoolSize {
  readonly pool: string;
  readonly minNodes: number;
  readonly maxNodes: number;
  readonly desiredNodes: number;
  readonly claims: number;
  readonly readyNodes: number;
  readonly pricePerHour: number;
}

/** Of the nodes that are added because pods wait, with the pods that the plan puts on them. */
export interface NewNodesCost {
  readonly nodes: number;
  readonly perHour: number;
  /** No plan for the same pods has fewer. */
  readonly lowerBoundNodes: number;
  /** No plan for the same pods costs less. */
  readonly lowerBoundPerHour: number;
  /** What proves it. */
  readonly lowerBoundKind: LowerBound['kind'];
  /** 0.02: two percent above the bound. */
  readonly overLowerBound: number;
}

/** What kube-scheduler is expected to make of the new nodes, which it fills in its own order. */
export interface FirstRound {
  /** Pods that the plan puts on new nodes. */
  readonly pods: number;
  /** Of them, pending when all nodes have joined: with the nodes that the plan needs, and with the amended ones too. */
  readonly leftAsPlanned: number;
  readonly left: number;
  /** Nodes added for those left. */
  readonly amendedNodes: number;
}

export interface PlanReport {
  /** Every pending pod is in one of them. */
  readonly pods: readonly PodRun[];
  readonly nodes: readonly NodeVerdict[];
  readonly pools: readonly PoolSize[];
  /** Of all claims after the plan. */
  readonly costPerHour: number;
  /** True: prices come from the stated model, so cost is only comparable, not money. */
  readonly costIsRelative: boolean;
  /** Of the new nodes; absent: none is added for pods. */
  readonly cost?: NewNodesCost;
  /** Absent: pods are bound by placement hints, or there is at most one new node, or it was too much to simulate. */
  readonly firstRound?: FirstRound;
  /** What becomes of nodes that cheaper ones could replace, as a sentence; absent: no pool has `consolidate`. */
  readonly consolidation?: string;
  /** Searches that hit their step limit. */
  readonly cutShort: readonly string[];
  /** Soonest instant at which a timer falls due that may change the plan; undefined: none runs. */
  readonly nextDueMs: number | undefined;
}

export interface Plan {
  /** Version of the snapshot it stands on. */
  readonly basedOn: number;
  readonly steps: readonly PlanStep[];
  readonly blocked: readonly Blocked[];
  readonly report: PlanReport;
  /** What more time could make better: columns of numbers, for a polish alone. Absent: no node is added for pods. */
  readonly polishable?: Polishable;
}

/** The pods of `ranges`, in order. */
export function podsIn(ranges: readonly PodRange[]): readonly PodObject[] {
  return ranges.flatMap(({ pods, from, to }) => pods.slice(from, to));
}

/** Share number `index` of `count` equal ones. */
export function shareOf({ pods, from, to }: PodRange, index: number, count: number): PodRange {
  const each = (to - from) / count;
  return { pods, from: from + index * each, to: from + (index + 1) * each };
}

/** One verdict per pending pod, in the order of the queue: priority, age, name. */
export function podVerdicts(report: PlanReport): readonly PodVerdict[] {
  return report.pods
    .flatMap((run) => run.pods.slice(run.from, run.to).map((pod, at) => ({ pod, run, target: targetOf(run, at) })))
    .sort((a, b) => comparePods(a.pod, b.pod))
    .map(({ pod, target, run: { outcome, refusals } }) => {
      const { uid: podUid, namespace, name } = pod;
      return { podUid, namespace, name, outcome, target, refusals };
    });
}

/** The target of the run's pod number `at`, counted from 0. */
export function targetOf({ from, to, target, targets }: PodRun, at: number): string {
  return targets === undefined ? target : nameAt(targets, Math.floor((at * targets.numbers.length) / (to - from)));
}

/** How many pending pods have this outcome. */
export function countPods(report: PlanReport, outcome: PodPlace['outcome']): number {
  return report.pods.reduce((sum, run) => sum + (run.outcome === outcome ? run.to - run.from : 0), 0);
}
