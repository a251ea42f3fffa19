// The Plan: what we will do, as immutable data that leaves no choice to its execution.
import type { NodeClaimSpec, RemovalReason } from '../api/node-claim.ts';
import type { Reason } from '../api/conditions.ts';

/** One thing to do. A step whose precondition no longer holds is dropped and planned again. */
export type PlanStep =
  | {
      readonly kind: 'createClaim';
      readonly pool: string;
      readonly name: string;
      readonly spec: NodeClaimSpec;
      readonly reason: string;
      readonly podUids: readonly string[];
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
      readonly timer: 'unneededSince' | 'unreadySince';
      readonly sinceMs: number | undefined;
    };

/** Why a wish of a pool is not met now. */
export interface Blocked {
  readonly pool: string;
  readonly reason: Reason;
  /** What a person can do. */
  readonly message: string;
}

export interface PodVerdict {
  readonly podUid: string;
  readonly namespace: string;
  readonly name: string;
  readonly outcome: 'onExistingNode' | 'onUpcomingNode' | 'onNewNode' | 'unplaceable' | 'waitingForPreemption';
  /** Node or claim name; empty when unplaceable. */
  readonly target: string;
  /** Per pool, why a new node of it would not help; empty when placed. */
  readonly refusals: readonly { readonly pool: string; readonly message: string }[];
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

export interface PlanReport {
  readonly pods: readonly PodVerdict[];
  readonly nodes: readonly NodeVerdict[];
  readonly pools: readonly PoolSize[];
  /** Of all claims after the plan. */
  readonly costPerHour: number;
  /** True: prices come from the stated model, so cost is only comparable, not money. */
  readonly costIsRelative: boolean;
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
}
