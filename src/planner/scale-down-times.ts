// When a node may go, as far as time decides: its own timer, and when its pool last got a node.
import type { NodeClaim } from '../api/node-claim.ts';
import { createdMsOf, timeMs } from './claim-facts.ts';
import { newNodesOf, type PlanDraft } from './plan-draft.ts';
import type { PoolState } from './pool-state.ts';
import type { Candidate } from './scale-down-candidates.ts';

/** When the candidate's own time has come. */
export function dueAtMs(candidate: Candidate, nowMs: number): number {
  const { settings } = candidate.pool;
  if (candidate.ready) return (candidate.unneededSinceMs ?? nowMs) + settings.scaleDownUnneededMs;
  return (timeMs(candidate.claim.status?.unreadySince) ?? nowMs) + settings.scaleDownUnreadyMs;
}

/** When the pool last got a node; now, when this plan adds one. */
export function grownMs(draft: PlanDraft, pool: PoolState): number {
  return newNodesOf(draft, pool) > 0 ? draft.nowMs : newestMs(pool.claims);
}

/** When the newest of them was made; looked for once per list, which stays the same one while no claim changes. */
function newestMs(claims: readonly NodeClaim[]): number {
  let newest = newestKnown.get(claims);
  if (newest === undefined) {
    newest = claims.reduce((latest, claim) => Math.max(latest, createdMsOf(claim)), 0);
    newestKnown.set(claims, newest);
  }
  return newest;
}

const newestKnown = new WeakMap<readonly NodeClaim[], number>();
