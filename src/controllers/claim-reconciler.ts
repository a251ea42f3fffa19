// Brings one claim as far as it goes now: ask advanceClaim, look or do, ask again, until it waits or rests.
// Holds no memory between calls; all of it is on the claim. Operating failures reject with their PortError, and the
// work queue repeats them with growing waits.
import type { NodeClaim } from '../api/node-claim.ts';
import { advanceClaim } from '../lifecycle/advance-claim.ts';
import type { ClaimFacts, FactName } from '../lifecycle/claim-facts.ts';
import { carryOutStep, type StepResult, type WriteStep } from './carry-out-step.ts';
import { clusterLabel } from './claim-status.ts';
import type { ClusterContext, ReconcileOutcome } from './cluster-context.ts';
import { isPortError, PortError } from './port-errors.ts';
import { readClaimFact } from './read-claim-fact.ts';

/** The longest way without a wait, from new to POST, takes about 20; the rest is room for conflicts. */
const STEPS_MAX = 60;
/** Soon enough not to be felt; a queue that never gets to others is. */
const MORE_STEPS_MS = 500;
/** Without the Lease there is nothing to do until it comes back, which wakes every claim anyway. */
const NOT_LEADING_POLL_MS = 10_000;
/** Conflicts in a row on one claim: two writers that meet more often than this are a fault worth the queue's backoff. */
const CONFLICTS_MAX = 4;

/** Carries the claim on. `claim` may be older than what is stored: anything decisive is read anew. */
export async function reconcileClaim(context: ClusterContext, claim: NodeClaim): Promise<ReconcileOutcome> {
  if (claim.spec.clusterUid !== context.clusterUid) {
    context.telemetry.log('error', 'claim of another cluster refused', {
      cluster: clusterLabel(context),
      claim: claim.metadata.name,
    });
    return { kind: 'settled' };
  }
  let current = isResting(claim) ? claim : await readLive(context, claim);
  let facts: ClaimFacts = {};
  let conflicts = 0;
  const errors = new Map<FactName, PortError>();
  for (let steps = 0; steps < STEPS_MAX; steps++) {
    if (current === undefined || context.signal.aborted) return { kind: 'settled' };
    const lease = context.lease();
    if (!mayWrite(context, current)) return { kind: 'wait', afterMs: NOT_LEADING_POLL_MS, why: 'not leading' };
    const nowMs = context.clock.nowMs();
    const step = advanceClaim({ claim: current, facts, nowMs, epoch: lease.epoch, frozen: context.frozen() });
    if (step.kind === 'settled') return { kind: 'settled' };
    if (step.kind === 'wait') return { kind: 'wait', afterMs: step.ms, why: step.why };
    if (step.kind === 'retry') throw errors.get(step.fact) ?? new PortError('unavailable', step.why);
    if (step.kind === 'look') {
      const answer = await readClaimFact(context, current, { facts, at: step.at });
      facts = answer.facts;
      if (answer.error !== undefined) errors.set(step.at, answer.error);
      continue;
    }
    const result = await carryOutOrReread(context, current, { step, mayConflict: conflicts < CONFLICTS_MAX });
    if (result.kind === 'wait') return result;
    if (result.conflicted) conflicts += 1;
    current = result.claim;
    facts = result.conflicted ? {} : stillTrue(facts, step);
  }
  return { kind: 'wait', afterMs: MORE_STEPS_MS, why: 'more steps are due' };
}

/** What was seen just now of the network and this step did not change: a project's requests are few. Writing to the claim
 *  changes nothing in the cloud, and a floating IP is nobody's but its own; every other change may show anywhere. A server is
 *  looked at anew: what is written to the claim says how fresh the look must be, which before a DELETE is live. */
function stillTrue({ ports, floatingIps }: ClaimFacts, step: WriteStep): ClaimFacts {
  if (step.kind === 'record') return { ports, floatingIps };
  return step.kind === 'createFloatingIp' || step.kind === 'deleteFloatingIp' ? { ports } : {};
}

/** Somebody else wrote first: read again and decide anew. */
async function carryOutOrReread(
  context: ClusterContext,
  claim: NodeClaim,
  what: { readonly step: WriteStep; readonly mayConflict: boolean },
): Promise<
  (Extract<StepResult, { kind: 'goOn' }> & { readonly conflicted: boolean }) | Extract<StepResult, { kind: 'wait' }>
> {
  try {
    const result = await carryOutStep(context, claim, what.step);
    return result.kind === 'wait' ? result : { ...result, conflicted: false };
  } catch (error) {
    if (!isPortError(error, 'conflict') || !what.mayConflict) throw error;
    return { kind: 'goOn', claim: await readLive(context, claim), conflicted: true };
  }
}

/** A claim written under a later epoch has another leader, whatever our Lease says. */
function mayWrite(context: ClusterContext, claim: NodeClaim): boolean {
  const lease = context.lease();
  return lease.held && (claim.status?.epoch ?? 0) <= lease.epoch;
}

/** Ready and wanted: what the watch shows is enough, as a write on an old version is refused. */
function isResting(claim: NodeClaim): boolean {
  const { metadata, status } = claim;
  return status?.phase === 'Ready' && metadata.deletionTimestamp === undefined && status.removal === undefined;
}

async function readLive(context: ClusterContext, claim: NodeClaim): Promise<NodeClaim | undefined> {
  const live = await context.management.getClaim(context.namespace, claim.metadata.name);
  return live?.metadata.uid === claim.metadata.uid ? live : undefined;
}
