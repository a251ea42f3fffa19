// The single steps of a plan: each checks its precondition on fresh state, then writes. Returns why it was dropped, or
// undefined when it was done; operating failures reject with a PortError. Their order is execute-plan.ts's.
import type { NodeClaim, NodeClaimStatus } from '../api/node-claim.ts';
import { FINALIZERS, GROUP_VERSION, LABELS } from '../api/names.ts';
import type { NodePool } from '../api/node-pool.ts';
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { PlanStep } from '../planner/plan.ts';
import type { CreateClaim } from '../planner/single-steps.ts';
import type { ClaimExpectations } from './claim-expectations.ts';
import { noteNeverJoined } from './claim-status.ts';
import type { ClusterContext } from './cluster-context.ts';
import { holdPool } from './pool-finalizer.ts';
import { isPortError } from './port-errors.ts';

export type Remove = Extract<PlanStep, { kind: 'removeClaim' }>;
export type SetDesired = Extract<PlanStep, { kind: 'setDesiredNodes' }>;
export type SetTimer = Extract<PlanStep, { kind: 'setTimer' }>;

/** What the steps of one execution share. */
export interface Execution {
  readonly context: ClusterContext;
  readonly expectations: ClaimExpectations;
  readonly snapshot: ClusterSnapshot;
}

/** Patches the live pool, if nobody else set desiredNodes since. */
export async function setDesiredNodes(execution: Execution, step: SetDesired): Promise<string | undefined> {
  const { context, expectations } = execution;
  const pool = await holdPool(context, step.pool, step.poolUid);
  if (pool === undefined) return 'the pool is gone or going';
  if (pool.spec.desiredNodes !== step.from) return 'somebody else set desiredNodes';
  await context.workload.setDesiredNodes(pool, step.to);
  expectations.expect(`desiredNodes of pool ${step.pool}`, () => {
    const seen = context.workload.stores.nodePools.get(step.pool);
    return seen === undefined || seen.spec.desiredNodes === step.to || newer(seen, pool);
  });
  return undefined;
}

/** Creates the claim under a name that no server of the project has. A lost answer is looked up before the next plan. */
export async function createClaim(
  execution: Execution,
  step: CreateClaim,
  taken: ReadonlySet<string>,
): Promise<string | undefined> {
  const { context, expectations } = execution;
  if (taken.has(step.name)) return 'the name is in use in the project';
  const key = `${context.namespace}/${step.name}`;
  let created: NodeClaim;
  try {
    created = await context.management.createClaim(claimObject(context, step));
  } catch (error) {
    if (isPortError(error, 'outcomeUnknown', 'unavailable')) {
      expectations.expect(
        `outcome of creating claim ${step.name}`,
        () => context.management.stores.nodeClaims.get(key) !== undefined,
      );
    }
    throw error;
  }
  expectations.expect(`claim ${step.name}`, () => {
    const seen = context.management.stores.nodeClaims.get(key);
    return seen?.metadata.uid === created.metadata.uid;
  });
  return undefined;
}

/** The claim as it is written: the whole intent, owned by its WorkloadCluster. uid and version are the server's to give. */
function claimObject(context: ClusterContext, step: CreateClaim): NodeClaim {
  return {
    apiVersion: GROUP_VERSION,
    kind: 'NodeClaim',
    metadata: {
      name: step.name,
      namespace: context.namespace,
      uid: '',
      resourceVersion: '',
      labels: {
        [LABELS.nodePool]: step.pool,
        [LABELS.nodePoolUid]: step.spec.poolUid,
        [LABELS.cluster]: context.clusterUid,
      },
      finalizers: [FINALIZERS.nodeClaim],
      ownerReferences: [
        {
          apiVersion: GROUP_VERSION,
          kind: 'WorkloadCluster',
          name: context.clusterName,
          uid: context.clusterUid,
          controller: true,
        },
      ],
    },
    spec: step.spec,
  };
}

/** Marks the live claim with the reason, then deletes it; its finalizer keeps it until the node is gone. */
export async function removeClaim(execution: Execution, step: Remove): Promise<string | undefined> {
  const { context } = execution;
  const claim = await context.management.getClaim(context.namespace, step.claim);
  if (claim === undefined || claim.metadata.uid !== step.claimUid) return 'the claim is gone';
  if (claim.metadata.deletionTimestamp !== undefined) return 'the claim is already being deleted';
  const newcomer = ['ScaleDown', 'Consolidated'].includes(step.reason) ? newPodOn(execution, step.claim) : undefined;
  if (newcomer !== undefined) return `pod ${newcomer} was bound to it meanwhile`;
  let marked = claim;
  if (claim.status?.removal === undefined) {
    const at = new Date(context.clock.nowMs()).toISOString();
    const removal = { reason: step.reason, message: step.message, at };
    marked = await context.management.updateClaimStatus(claim, { ...claim.status, removal });
    // Given up by the plan before its reconciler did so.
    if (step.reason === 'Failed' && claim.status?.phase !== 'Failed') noteNeverJoined(context, claim, step.message);
  }
  await deleteMarked(execution, marked);
  return undefined;
}

/** Deletes a claim that is already marked for removal. */
export async function deleteMarked(execution: Execution, claim: NodeClaim): Promise<void> {
  const { context, expectations } = execution;
  await context.management.deleteClaim(claim);
  const { name, uid } = claim.metadata;
  expectations.expect(`removal of claim ${name}`, () => {
    const seen = context.management.stores.nodeClaims.get(`${context.namespace}/${name}`);
    return seen?.metadata.uid !== uid || seen.metadata.deletionTimestamp !== undefined;
  });
}

/** Sets or clears a timer on the claim as the store has it; a claim that changed since is a conflict. */
export async function setTimer(execution: Execution, step: SetTimer): Promise<string | undefined> {
  const { context } = execution;
  const claim = context.management.stores.nodeClaims.get(`${context.namespace}/${step.claim}`);
  if (claim === undefined || claim.metadata.uid !== step.claimUid) return 'the claim is gone';
  const { [step.timer]: before, ...rest } = claim.status ?? {};
  const after = step.sinceMs === undefined ? undefined : new Date(step.sinceMs).toISOString();
  if (before === after) return undefined;
  const status: NodeClaimStatus = after === undefined ? rest : { ...rest, [step.timer]: after };
  await context.management.updateClaimStatus(claim, status);
  return undefined;
}

/** Live: the pool is being deleted, and not only because its definition is. The pool is read first: the definition is
 *  marked before its objects are, so a pool marked for that reason never passes. */
export async function deletionIsMeant(execution: Execution, removes: readonly Remove[]): Promise<boolean> {
  const { context, snapshot } = execution;
  const step = removes[0];
  if (step === undefined) return true;
  const uid = snapshot.objects.nodePools.find((pool) => pool.metadata.name === step.pool)?.metadata.uid;
  const pool = await context.workload.getNodePool(step.pool);
  if (pool === undefined || pool.metadata.uid !== uid || pool.metadata.deletionTimestamp === undefined) return false;
  return (await context.workload.ensureNodePoolDefinition()) === 'ready';
}

/** A pod that is on the node now and was not when the plan was made. */
function newPodOn(execution: Execution, nodeName: string): string | undefined {
  const { context, snapshot } = execution;
  const index = snapshot.nodeIndexByName.get(nodeName);
  const known = new Set((index === undefined ? [] : (snapshot.nodes[index]?.pods ?? [])).map((pod) => pod.uid));
  const pods = context.workload.stores.pods.view();
  if (pods === snapshot.objects.pods) return undefined;
  for (const pod of pods) {
    if (pod.nodeName !== nodeName || pod.phase === 'Succeeded' || pod.phase === 'Failed') continue;
    if (!known.has(pod.uid)) return `${pod.namespace}/${pod.name}`;
  }
  return undefined;
}

function newer(seen: NodePool, than: NodePool): boolean {
  return seen.metadata.uid !== than.metadata.uid || (seen.metadata.generation ?? 0) > (than.metadata.generation ?? 0);
}
