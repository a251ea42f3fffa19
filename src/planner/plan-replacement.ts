// Phase: claims that failed, and claims that did not become nodes in time, are given up. Whether something takes their
// place is decided by the pool's size and by its pods, in the phases after this one.
import type { Reason } from '../api/conditions.ts';
import type { NodeClaim } from '../api/node-claim.ts';
import { isNewlyFailed, isUpcoming, provisionDeadlineMs, timeMs } from './claim-facts.ts';
import { block, removeClaim, type PlanDraft } from './plan-draft.ts';
import { isActive, type PoolState, restlessAmong } from './pool-state.ts';

/** Port errors and what the reconciler found, as a reason on the pool; codes that are not here say NodesNotReady. */
const FAILURE_REASONS: ReadonlyMap<string, Reason> = new Map([
  ['quota', 'QuotaExceeded'],
  ['capacity', 'OutOfCapacity'],
  ['credentials', 'CredentialsInvalid'],
  ['invalidSpec', 'CloudRejectsSpec'],
  ['unavailable', 'CloudUnavailable'],
  ['throttled', 'CloudUnavailable'],
  ['outcomeUnknown', 'OutcomeUnknown'],
  ['notFound', 'ServerRemovedByUser'],
  ['ServerRemovedByUser', 'ServerRemovedByUser'],
  ['ProvisionTimeout', 'ProvisionTimeout'],
]);

/** Gives up what failed or is overdue. */
export function planReplacement(draft: PlanDraft): void {
  for (const pool of draft.pools) {
    if (!isActive(pool)) continue;
    for (const claim of restlessAmong(pool.claims)) {
      if (isNewlyFailed(claim)) giveUpFailed(draft, claim);
      else if (isUpcoming(claim) && draft.nowMs > provisionDeadlineMs(claim)) giveUpOverdue(draft, claim);
      else if (isLeavingLate(claim)) blockOverdue(draft, pool, claim);
    }
  }
}

function giveUpFailed(draft: PlanDraft, claim: NodeClaim): void {
  const { failure } = claim.status ?? {};
  const message = failure === undefined ? 'the node failed' : `the node failed: ${failure.message}`;
  const gone = failure?.code === 'NodeGone' || failure?.code === 'ServerRemovedByUser';
  removeClaim(draft, claim, { reason: gone ? 'NodeGone' : 'Failed', message });
  block(draft, claim.spec.poolName, {
    reason: FAILURE_REASONS.get(failure?.code ?? '') ?? 'NodesNotReady',
    message: `node '${claim.metadata.name}': ${message}`,
  });
}

function giveUpOverdue(draft: PlanDraft, claim: NodeClaim): void {
  const message = `it was not Ready within ${claim.spec.provisionTimeoutSeconds} s (phase ${claim.status?.phase ?? 'Pending'})`;
  removeClaim(draft, claim, { reason: 'Failed', message });
  blockOverdue(draft, draft.poolsByName.get(claim.spec.poolName), claim);
}

/** Asked to go after its provision timeout and never Ready: its pool stays Blocked until it is gone. */
function isLeavingLate(claim: NodeClaim): boolean {
  const removal = claim.status?.removal;
  const askedMs = timeMs(removal?.at);
  return (
    removal?.reason === 'Failed' &&
    claim.status?.readyAt === undefined &&
    askedMs !== undefined &&
    askedMs > provisionDeadlineMs(claim)
  );
}

function blockOverdue(draft: PlanDraft, pool: PoolState | undefined, claim: NodeClaim): void {
  block(draft, pool?.name ?? claim.spec.poolName, {
    reason: 'ProvisionTimeout',
    message:
      `node '${claim.metadata.name}' was not Ready within ${claim.spec.provisionTimeoutSeconds} s and is given up; ` +
      `look at its server's console log, or raise spec.autoscaling.maxNodeProvisionSeconds`,
  });
}
