// Does what advanceClaim decided, one step. Every write is safe to repeat: the process may end after any of them.
// Before each change of the cloud the project is compared and the Lease's epoch stands on the claim.
import type { NodeClaim } from '../api/node-claim.ts';
import { TAINTS } from '../api/names.ts';
import type { Taint } from '../cluster/cluster-objects.ts';
import { type ClaimStep, timeMs } from '../lifecycle/claim-step.ts';
import { failClaim, notingFault, poolEvent, recordFault, writeStatus } from './claim-status.ts';
import type { ClusterContext } from './cluster-context.ts';
import { createServer, refusal } from './create-server.ts';
import { drainNode } from './drain-node.ts';
import { isPortError, type PortErrorCode } from './port-errors.ts';
import { assertProject } from './read-claim-fact.ts';

/** Steps that change something; the others are the loop's. */
export type WriteStep = Exclude<ClaimStep, { kind: 'look' | 'retry' | 'wait' | 'settled' }>;

export type StepResult =
  /** Ask again, with this claim; undefined: it is gone. */
  | { readonly kind: 'goOn'; readonly claim: NodeClaim | undefined }
  | { readonly kind: 'wait'; readonly afterMs: number; readonly why: string };

export const DRAINING_TAINT: Taint = { key: TAINTS.draining, value: '', effect: 'NoSchedule' };

/** Of a port or a floating IP: what a new try cannot mend. */
const ENDS_CLAIM = new Set<PortErrorCode>(['quota', 'invalidSpec', 'notFound']);
/** Nova takes a moment to show that it is deleting. */
const DELETE_POLL_MS = 1000;
/** A server that Nova cannot delete (ERROR after each try, locked) must not cost the project a call each second. */
const DELETE_POLL_LONGEST_MS = 60_000;

/** Rejects with the PortError of what failed; the claim then is as it was, or shows what was done. */
export async function carryOutStep(context: ClusterContext, claim: NodeClaim, step: WriteStep): Promise<StepResult> {
  const { management, workload } = context;
  switch (step.kind) {
    case 'addFinalizer':
      await management.setClaimFinalizer(claim, true);
      return readBack(context, claim);
    case 'record':
      return goOn(await recordFacts(context, claim, step));
    case 'fail':
      return goOn(await failClaim(context, claim, { failure: step.failure }));
    case 'createPort':
    case 'deletePort':
    case 'createFloatingIp':
    case 'deleteFloatingIp':
    case 'createServer':
    case 'deleteServer':
      return changeCloud(context, claim, step);
    case 'deleteToken':
      await workload.deleteBootstrapToken(step.tokenId);
      return goOn(await writeStatus(context, claim, { set: {}, clear: ['bootstrapTokenId'] }));
    case 'markDeleted':
      await management.deleteClaim(claim);
      return readBack(context, claim);
    case 'cordon':
      await workload.cordonNode(step.node, DRAINING_TAINT);
      return goOn(claim);
    case 'drain':
      return drainNode(context, claim, step.round);
    case 'deleteNode':
      await workload.deleteNode({ name: step.name, uid: step.uid });
      return goOn(claim);
    case 'removeFinalizer':
      await management.setClaimFinalizer(claim, false);
      poolEvent(context, claim, {
        type: 'Normal',
        reason: 'NodeRemoved',
        action: 'ScaleDown',
        note: `Node ${claim.metadata.name} (${claim.spec.flavor}): nothing of it is left.`,
      });
      return goOn(undefined);
    default:
      throw unknownStep(step);
  }
}

async function changeCloud(
  context: ClusterContext,
  claim: NodeClaim,
  step: Extract<
    WriteStep,
    {
      kind: 'createPort' | 'deletePort' | 'createFloatingIp' | 'deleteFloatingIp' | 'createServer' | 'deleteServer';
    }
  >,
): Promise<StepResult> {
  const { cloud } = context;
  await notingFault(context, claim, () => assertProject(context, claim));
  const current = await stampEpoch(context, claim);
  switch (step.kind) {
    case 'createPort':
      return goOn(await createPort(context, current, step.networkIndex));
    case 'deletePort':
      await notingFault(context, claim, () => cloud.deletePort(step.portId));
      return goOn(current);
    case 'createFloatingIp':
      return goOn(await createFloatingIp(context, current, step.portId));
    case 'deleteFloatingIp':
      await notingFault(context, claim, () => cloud.deleteFloatingIp(step.floatingIpId));
      return goOn(current);
    case 'createServer':
      return goOn(await createServer(context, current, step));
    case 'deleteServer':
      await notingFault(context, claim, () => cloud.deleteServer(step.serverId));
      return { kind: 'wait', afterMs: deletePollMs(context, claim), why: 'Nova deletes the server' };
    default:
      throw unknownStep(step);
  }
}

/** An eighth of the time that deleting has taken so far: soon at first, seldom when it does not work. */
function deletePollMs(context: ClusterContext, claim: NodeClaim): number {
  const nowMs = context.clock.nowMs();
  const takenMs = nowMs - (timeMs(claim.status?.deleteStartedAt) ?? nowMs);
  return Math.min(DELETE_POLL_LONGEST_MS, Math.max(DELETE_POLL_MS, Math.round(takenMs / 8)));
}

/** The new port is written down by the next step, which finds it: so it is found the same way after a lost answer. */
async function createPort(context: ClusterContext, claim: NodeClaim, networkIndex: number): Promise<NodeClaim> {
  const { spec, metadata } = claim;
  const network =
    networkIndex === 0
      ? { networkId: spec.networkIds[0], subnetId: spec.subnetId }
      : spec.additionalNetworks?.[networkIndex - 1];
  const networkId = network?.networkId;
  if (networkId === undefined) {
    const failure = { code: 'invalidSpec', message: `The claim names no network ${networkIndex}.` } as const;
    return failClaim(context, claim, { failure });
  }
  return orFail(context, claim, async () => {
    await context.cloud.createPort({
      claimUid: metadata.uid,
      clusterUid: spec.clusterUid,
      claimName: metadata.name,
      networkIndex,
      networkId,
      subnetId: network?.subnetId,
      securityGroups: spec.securityGroups,
    });
  });
}

/** As for a port: the next step finds it and writes it down. */
async function createFloatingIp(context: ClusterContext, claim: NodeClaim, portId: string): Promise<NodeClaim> {
  const { spec, metadata } = claim;
  const { clusterUid, floatingNetworkId } = spec;
  if (floatingNetworkId === undefined) throw new Error(`claim ${metadata.name} asks for no floating IP`);
  return orFail(context, claim, async () => {
    await context.cloud.createFloatingIp({ clusterUid, claimUid: metadata.uid, floatingNetworkId, portId });
  });
}

/** Makes something that the server will need. What a new try cannot mend ends the claim, and the planner then knows why;
 *  the rest rejects and is tried again. */
async function orFail(context: ClusterContext, claim: NodeClaim, make: () => Promise<void>): Promise<NodeClaim> {
  try {
    await make();
    return claim;
  } catch (error) {
    if (!isPortError(error)) throw error;
    const failure = ENDS_CLAIM.has(error.code) ? refusal(error) : undefined;
    if (failure !== undefined) return failClaim(context, claim, { failure, error });
    recordFault(context, claim, error);
    throw error;
  }
}

async function recordFacts(
  context: ClusterContext,
  claim: NodeClaim,
  step: Extract<WriteStep, { kind: 'record' }>,
): Promise<NodeClaim> {
  const written = await writeStatus(context, claim, step);
  const refused = step.set.conditions?.find(
    (condition) => condition.type === 'Removable' && condition.status === 'False',
  );
  if (refused !== undefined) {
    poolEvent(context, claim, {
      type: 'Warning',
      reason: 'NodeNotRemovable',
      action: 'ScaleDown',
      note: `Node ${claim.metadata.name}: ${refused.message}`,
    });
  }
  return written;
}

/** A replica that leads anew writes its epoch first; the write fails if another one has written meanwhile. */
async function stampEpoch(context: ClusterContext, claim: NodeClaim): Promise<NodeClaim> {
  const { epoch } = context.lease();
  return claim.status?.epoch === epoch ? claim : writeStatus(context, claim, { set: { epoch } });
}

async function readBack(context: ClusterContext, claim: NodeClaim): Promise<StepResult> {
  const live = await context.management.getClaim(context.namespace, claim.metadata.name);
  return goOn(live?.metadata.uid === claim.metadata.uid ? live : undefined);
}

function goOn(claim: NodeClaim | undefined): StepResult {
  return { kind: 'goOn', claim };
}

function unknownStep(step: never): Error {
  return new Error(`no such step: ${JSON.stringify(step)}`);
}
