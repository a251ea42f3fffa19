// Writing down what happened to a claim, and telling about it: status, metrics, events on its pool, one log line.
import type { NodeClaim, NodeClaimPhase, NodeClaimStatus } from '../api/node-claim.ts';
import { GROUP_VERSION } from '../api/names.ts';
import type { ClaimFailure } from '../lifecycle/claim-step.ts';
import { timeMs, timeText } from '../lifecycle/claim-step.ts';
import type { ClusterContext } from './cluster-context.ts';
import { isPortError, PortError } from './port-errors.ts';

/** Longest failure message kept; the schema says the same. */
const MESSAGE_LENGTH_MAX = 1024;
/** The planner writes timers beside us at most every few seconds, so a second conflict in a row is already rare. */
const CONFLICTS_MAX = 5;

/** Events on the NodePool when a claim enters a phase. */
const PHASE_EVENTS: Partial<Record<NodeClaimPhase, { reason: string; action: string; text: string }>> = {
  Unknown: {
    reason: 'CreateOutcomeUnknown',
    action: 'ScaleUp',
    text: 'OpenStack gave no answer to its create request',
  },
  Building: { reason: 'ServerCreated', action: 'ScaleUp', text: 'its server is being built' },
  Registered: { reason: 'NodeJoined', action: 'ScaleUp', text: 'it has joined the cluster' },
  Ready: { reason: 'NodeReady', action: 'ScaleUp', text: 'it is ready' },
  Draining: { reason: 'NodeDraining', action: 'ScaleDown', text: 'its pods are being moved' },
  Deleting: { reason: 'ServerDeleting', action: 'ScaleDown', text: 'its server is being deleted' },
};
const WARNINGS = new Set<NodeClaimPhase>(['Unknown']);

/** Writes `set` over the status and takes `clear` off it; conflict when the claim changed since it was read. */
export async function writeStatus(
  context: ClusterContext,
  claim: NodeClaim,
  change: { readonly set: NodeClaimStatus; readonly clear?: readonly (keyof NodeClaimStatus)[] },
): Promise<NodeClaim> {
  const status: { -readonly [Key in keyof NodeClaimStatus]: NodeClaimStatus[Key] } = { ...claim.status, ...change.set };
  for (const key of change.clear ?? []) delete status[key];
  const written = await context.management.updateClaimStatus(claim, status);
  tell(context, claim, written);
  return written;
}

/** For a fact that is true whatever else changed meanwhile, such as the id of a server that was just created. */
export async function writeFact(context: ClusterContext, claim: NodeClaim, set: NodeClaimStatus): Promise<NodeClaim> {
  let current = claim;
  for (let conflicts = 0; ; conflicts++) {
    try {
      return await writeStatus(context, current, { set });
    } catch (error) {
      if (!isPortError(error, 'conflict') || conflicts >= CONFLICTS_MAX) throw error;
      const live = await context.management.getClaim(context.namespace, claim.metadata.name);
      if (live === undefined || live.metadata.uid !== claim.metadata.uid) throw error;
      current = live;
    }
  }
}

/** Ends a claim. `error` is the fault behind it when there was one; else the failure says what the fault book needs. */
export async function failClaim(
  context: ClusterContext,
  claim: NodeClaim,
  why: { readonly failure: ClaimFailure; readonly error?: PortError },
): Promise<NodeClaim> {
  const { failure } = why;
  const message = failure.message.slice(0, MESSAGE_LENGTH_MAX);
  const failed = { code: failure.code, message, at: timeText(context.clock.nowMs()) };
  const written = await writeFact(context, claim, { phase: 'Failed', failure: failed });
  const error = why.error ?? faultBehind(claim, failure);
  if (error !== undefined) recordFault(context, claim, error);
  if (failure.code === 'ProvisionTimeout') noteNeverJoined(context, written, message);
  context.telemetry.count('sluice_claim_failures_total', { cluster: clusterLabel(context), code: failure.code });
  poolEvent(context, claim, {
    type: 'Warning',
    reason: 'NodeFailed',
    action: 'ScaleUp',
    note: `Node ${claim.metadata.name}: ${failure.code}: ${message}`,
  });
  return written;
}

/** Where servers must be apart, no host for one more may mean that each host has one of the pool's already: that says nothing
 *  to other pools. Nova's words are the same for both. */
function faultBehind({ spec }: NodeClaim, { backoff, message }: ClaimFailure): PortError | undefined {
  if (backoff === undefined) return undefined;
  const apart = spec.serverGroup !== undefined && (spec.serverGroupPolicy ?? 'anti-affinity') === 'anti-affinity';
  return new PortError(backoff, message, backoff === 'capacity' && apart ? { concerns: 'pool' } : {});
}

/** Remembers that no Ready node came of this claim. Without a request for a server nothing was paid for, and other faults say
 *  why there was none. */
export function noteNeverJoined(context: ClusterContext, claim: NodeClaim, message: string): void {
  const { metadata, spec, status } = claim;
  if (status?.createAttemptedAt === undefined || status.readyAt !== undefined) return;
  const { poolName: pool, flavor, zone } = spec;
  const createdMs = timeMs(metadata.creationTimestamp) ?? 0;
  context.faults.neverJoined({ pool, flavor, zone }, { createdMs, message: `node '${metadata.name}': ${message}` });
}

export function recordFault(context: ClusterContext, claim: NodeClaim, error: PortError): void {
  const { poolName, flavor, zone } = claim.spec;
  context.faults.record({ error, pool: poolName, flavor, zone });
}

/** Runs a call to the cloud; its fault is also noted for all who would try the same. */
export async function notingFault<T>(context: ClusterContext, claim: NodeClaim, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (isPortError(error)) recordFault(context, claim, error);
    throw error;
  }
}

/** An event on the claim's NodePool, where its owner looks. */
export function poolEvent(
  context: ClusterContext,
  claim: NodeClaim,
  event: {
    readonly type: 'Normal' | 'Warning';
    readonly reason: string;
    readonly action: string;
    readonly note: string;
  },
): void {
  context.workload.recordEvent({
    ...event,
    note: event.note.slice(0, MESSAGE_LENGTH_MAX),
    regarding: { apiVersion: GROUP_VERSION, kind: 'NodePool', name: claim.spec.poolName, uid: claim.spec.poolUid },
  });
}

/** Value of the label `cluster` of every metric. */
export function clusterLabel(context: ClusterContext): string {
  return `${context.namespace}/${context.clusterName}`;
}

function tell(context: ClusterContext, before: NodeClaim, after: NodeClaim): void {
  const phase = after.status?.phase;
  if (phase === undefined || phase === before.status?.phase) return;
  const { poolName, flavor, zone } = after.spec;
  const cluster = clusterLabel(context);
  context.telemetry.count('sluice_claim_transitions_total', { cluster, phase });
  context.telemetry.log('info', 'node claim changed its phase', {
    cluster,
    pool: poolName,
    claim: after.metadata.name,
    from: before.status?.phase ?? 'Pending',
    to: phase,
    serverId: after.status?.serverId ?? '',
  });
  const event = PHASE_EVENTS[phase];
  if (event !== undefined) {
    const { text, ...rest } = event;
    const type = WARNINGS.has(phase) ? 'Warning' : 'Normal';
    poolEvent(context, after, { type, ...rest, note: `Node ${after.metadata.name} (${flavor}): ${text}.` });
  }
  if (phase === 'Booting') context.faults.clear({ pool: poolName, flavor, zone });
  if (phase === 'Ready') context.faults.joined({ pool: poolName, flavor, zone });
  measure(context, before, after);
}

function measure(context: ClusterContext, before: NodeClaim, after: NodeClaim): void {
  const nowMs = context.clock.nowMs();
  const cluster = clusterLabel(context);
  const createdMs = timeMs(after.metadata.creationTimestamp);
  if (after.status?.readyAt !== before.status?.readyAt && createdMs !== undefined) {
    const seconds = Math.max(0, nowMs - createdMs) / 1000;
    context.telemetry.observe('sluice_claim_ready_seconds', { cluster, pool: after.spec.poolName }, seconds);
  }
  const drainMs = timeMs(after.status?.drainStartedAt);
  if (after.status?.deleteStartedAt !== before.status?.deleteStartedAt && drainMs !== undefined) {
    context.telemetry.observe('sluice_drain_duration_seconds', { cluster }, Math.max(0, nowMs - drainMs) / 1000);
  }
}
