// The next thing to do for one claim, as data. Decided by advance-claim.ts, carried out by the claim reconciler.
import type { NodeClaim, NodeClaimStatus } from '../api/node-claim.ts';
import type { Backoff, NodeObject } from '../cluster/cluster-objects.ts';
import type { ClaimFacts, FactName } from './claim-facts.ts';
import type { DrainRound } from './drain-order.ts';

/** Why a claim failed: `status.failure.code`; the first six are a port error's. The planner removes a failed claim and
 *  thinks again. */
export type ClaimFailureCode =
  | 'quota'
  | 'capacity'
  | 'invalidSpec'
  | 'credentials'
  | 'unavailable'
  | 'outcomeUnknown'
  | 'ServerError'
  | 'ProvisionTimeout'
  | 'ServerRemovedByUser'
  | 'NodeGone';

export interface ClaimFailure {
  readonly code: ClaimFailureCode;
  /** For people; at most 1 KiB is kept. */
  readonly message: string;
  /** What this says about further tries, for the fault book; undefined: nothing. */
  readonly backoff?: Exclude<Backoff['kind'], 'provisionTimeout'> | undefined;
}

export type ClaimStep =
  /** Find this out, then ask again. */
  | { readonly kind: 'look'; readonly at: FactName }
  /** What is needed could not be found out: try later. */
  | { readonly kind: 'retry'; readonly fact: FactName; readonly why: string }
  | { readonly kind: 'addFinalizer' }
  /** On the claim's first network (0) or on its n-th additional one. */
  | { readonly kind: 'createPort'; readonly networkIndex: number }
  | { readonly kind: 'deletePort'; readonly portId: string; readonly why: string }
  | { readonly kind: 'createFloatingIp'; readonly portId: string }
  | { readonly kind: 'deleteFloatingIp'; readonly floatingIpId: string; readonly why: string }
  /** The one POST, with all that must be written down before it. */
  | {
      readonly kind: 'createServer';
      readonly portId: string;
      readonly additionalPortIds: readonly string[];
      readonly staleTokenId: string | undefined;
    }
  /** Write facts down; those that a change of the cloud rests on carry the epoch. */
  | {
      readonly kind: 'record';
      readonly set: NodeClaimStatus;
      readonly clear: readonly (keyof NodeClaimStatus)[];
      readonly why: string;
    }
  | { readonly kind: 'deleteToken'; readonly tokenId: string }
  | { readonly kind: 'fail'; readonly failure: ClaimFailure }
  | { readonly kind: 'markDeleted' }
  | { readonly kind: 'cordon'; readonly node: NodeObject }
  | { readonly kind: 'drain'; readonly node: NodeObject; readonly round: DrainRound }
  | { readonly kind: 'deleteServer'; readonly serverId: string }
  | { readonly kind: 'deleteNode'; readonly name: string; readonly uid: string }
  | { readonly kind: 'removeFinalizer' }
  | { readonly kind: 'wait'; readonly ms: number; readonly why: string }
  | { readonly kind: 'settled' };

export interface AdvanceInput {
  readonly claim: NodeClaim;
  readonly facts: ClaimFacts;
  readonly nowMs: number;
  /** Of the Lease held now; written down with every step that changes the cloud. */
  readonly epoch: number;
  /** Why nothing may be removed now. */
  readonly frozen: string | undefined;
}

/** RFC 3339, as all times in a status. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

/** Milliseconds of a time in a status; undefined when absent. A time that cannot be read counts as long ago. */
export function timeMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? 0 : ms;
}

export function record(set: NodeClaimStatus, why: string, clear: readonly (keyof NodeClaimStatus)[] = []): ClaimStep {
  return { kind: 'record', set, clear, why };
}
