// Carries out one round of a drain: evictions through the API, which keeps disruption budgets; deletes only those pods
// that the round says are past the timeout. Says why a node is not empty yet.
import type { NodeClaim } from '../api/node-claim.ts';
import type { PodObject } from '../cluster/cluster-objects.ts';
import { withCondition } from '../lifecycle/claim-conditions.ts';
import type { DrainRound } from '../lifecycle/drain-order.ts';
import { clusterLabel, poolEvent, writeStatus } from './claim-status.ts';
import type { ClusterContext, ReconcileOutcome } from './cluster-context.ts';
import type { EvictionOutcome } from './ports.ts';

/** Evictions in flight for one node; the client's budget is shared with all the others. */
const CONCURRENT_EVICTIONS = 5;
/** Pods that end are gone within their grace period, half a minute as a rule. */
const LEAVING_POLL_MS = 3000;
/** A budget opens when a replacement is ready: seconds to minutes. */
const BLOCKED_POLL_MS = 10_000;
/** Longest wait that a server's Retry-After may ask of us; a tenant's API must not stop a drain for hours. */
const RETRY_AFTER_MAX_MS = 60_000;
/** Pods named in a message; the rest is counted. */
const PODS_NAMED_MAX = 3;

/** Evicts what this round names and waits; a PortError of any pod ends the round and is repeated by the queue. */
export async function drainNode(
  context: ClusterContext,
  claim: NodeClaim,
  round: DrainRound,
): Promise<Extract<ReconcileOutcome, { kind: 'wait' }>> {
  const cluster = clusterLabel(context);
  const blocked: { readonly pod: PodObject; readonly outcome: EvictionOutcome }[] = [];
  await inChunks(round.evict, async (pod) => {
    const outcome = await context.workload.evictPod(pod);
    context.telemetry.count('sluice_evictions_total', { cluster, outcome: outcome.kind });
    if (outcome.kind === 'blocked' || outcome.kind === 'refused') blocked.push({ pod, outcome });
  });
  await inChunks(round.deletePastTimeout, async (pod) => {
    await context.workload.deletePod(pod);
    context.telemetry.count('sluice_evictions_total', { cluster, outcome: 'forced' });
  });
  if (blocked.length === 0) {
    const leaving = round.evict.length + round.deletePastTimeout.length + round.leaving.length;
    return { kind: 'wait', afterMs: LEAVING_POLL_MS, why: `${leaving} pods are leaving the node` };
  }
  const why = blockedText(blocked);
  await noteBlocked(context, claim, why);
  return { kind: 'wait', afterMs: retryAfterMs(blocked.map(({ outcome }) => outcome)), why };
}

function blockedText(blocked: readonly { readonly pod: PodObject; readonly outcome: EvictionOutcome }[]): string {
  const sorted = blocked.toSorted((a, b) => (keyOf(a.pod) < keyOf(b.pod) ? -1 : 1));
  const named = sorted.slice(0, PODS_NAMED_MAX).map(({ pod, outcome }) => {
    const message = outcome.kind === 'blocked' || outcome.kind === 'refused' ? outcome.message : '';
    return `${keyOf(pod)}: ${message}`;
  });
  const more = sorted.length - named.length;
  return `Pods cannot be evicted yet: ${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

async function noteBlocked(context: ClusterContext, claim: NodeClaim, message: string): Promise<void> {
  const conditions = withCondition(
    claim,
    { type: 'Removable', status: 'False', reason: 'PodsBlocked', message },
    context.clock.nowMs(),
  );
  // Said in every round: the recorder counts what repeats, and the count shows that it still goes on.
  poolEvent(context, claim, {
    type: 'Warning',
    reason: 'DrainBlocked',
    action: 'ScaleDown',
    note: `Node ${claim.metadata.name}: ${message}`,
  });
  if (conditions !== undefined) await writeStatus(context, claim, { set: { conditions } });
}

/** The shortest wait that any of them asks for, so that one slow budget does not hold up the rest. */
function retryAfterMs(outcomes: readonly EvictionOutcome[]): number {
  const asked = outcomes.map((outcome) => (outcome.kind === 'blocked' ? outcome.retryAfterMs : undefined));
  const waits = asked.map((ms) => Math.min(RETRY_AFTER_MAX_MS, Math.max(LEAVING_POLL_MS, ms ?? BLOCKED_POLL_MS)));
  return Math.min(...waits);
}

async function inChunks(pods: readonly PodObject[], run: (pod: PodObject) => Promise<void>): Promise<void> {
  for (let from = 0; from < pods.length; from += CONCURRENT_EVICTIONS) {
    await Promise.all(pods.slice(from, from + CONCURRENT_EVICTIONS).map((pod) => run(pod)));
  }
}

function keyOf(pod: PodObject): string {
  return `${pod.namespace}/${pod.name}`;
}
