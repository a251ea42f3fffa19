// Condition types and reasons: one closed list, because users and alerts match on them.

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  /** What a person can do about it; at most 1 KiB. */
  readonly message: string;
  /** RFC 3339, whole seconds. */
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

export const NODE_POOL_CONDITIONS = ['Ready', 'Scaling', 'Updating', 'Blocked', 'Valid'] as const;
export type NodePoolConditionType = (typeof NODE_POOL_CONDITIONS)[number];

export const REASONS = [
  // good news and progress
  'AsDesired',
  'ScalingUp',
  'ScalingDown',
  'Deleting',
  'NotStarted',
  'Accepted',
  'UpToDate',
  'Healthy',
  'Unblocked',
  // what keeps a pool from its wish
  'NotImplemented',
  'InvalidSpec',
  'QuotaExceeded',
  'OutOfCapacity',
  'ServerRemovedByUser',
  'WebhookBlocks',
  'AntiAffinityUnsatisfiable',
  'ProvisionTimeout',
  'DefinitionRemoved',
  'CredentialsInvalid',
  'CeilingReached',
  'CloudRejectsSpec',
  'CloudUnavailable',
  'OutcomeUnknown',
  'NodesNotReady',
  'FlavorUnknown',
  'MaxNodesReached',
  'Paused',
  // WorkloadCluster
  'Connected',
  'KubeconfigRefused',
  'KubeconfigMissing',
  'Unreachable',
  'Forbidden',
  'ProjectMismatch',
  'Frozen',
  'AnotherReplicaLeads',
  'PlanRefused',
  'InUse',
  'NotUsed',
  'ServerTooOld',
] as const;
export type Reason = (typeof REASONS)[number];

export const WORKLOAD_CLUSTER_CONDITIONS = [
  'Valid',
  'ApiReachable',
  'CloudReachable',
  'Ready',
  'PlacementHints',
] as const;
export type WorkloadClusterConditionType = (typeof WORKLOAD_CLUSTER_CONDITIONS)[number];

export interface ConditionInput {
  readonly type: NodePoolConditionType | WorkloadClusterConditionType;
  readonly status: Condition['status'];
  readonly reason: Reason;
  readonly message: string;
}

/** Longest message that we write; etcd belongs to the tenant. */
const MESSAGE_LENGTH_MAX = 1024;

/** `conditions` with `inputs` applied; a transition time moves only when the status changes. Order: as in `inputs`. */
export function applyConditions(
  conditions: readonly Condition[],
  inputs: readonly ConditionInput[],
  at: { readonly nowMs: number; readonly generation?: number },
): Condition[] {
  const before = new Map(conditions.map((condition) => [condition.type, condition]));
  const now = `${new Date(at.nowMs).toISOString().slice(0, 19)}Z`;
  const written = inputs.map((input): Condition => {
    const old = before.get(input.type);
    before.delete(input.type);
    return {
      type: input.type,
      status: input.status,
      reason: input.reason,
      message: input.message.slice(0, MESSAGE_LENGTH_MAX),
      lastTransitionTime: old !== undefined && old.status === input.status ? old.lastTransitionTime : now,
      ...(at.generation === undefined ? {} : { observedGeneration: at.generation }),
    };
  });
  return [...written, ...before.values()];
}
