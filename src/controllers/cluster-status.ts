// Writes the status of one WorkloadCluster, and only when it says something new. The session (is it reachable?) and the
// loop (how is it?) both write through one of these, so neither takes away what the other said.
import {
  applyConditions,
  type Condition,
  type ConditionInput,
  type Reason,
  WORKLOAD_CLUSTER_CONDITIONS,
} from '../api/conditions.ts';
import type { WorkloadCluster, WorkloadClusterStatus } from '../api/workload-cluster.ts';
import { isPortError, type PortError, type PortErrorCode } from './port-errors.ts';
import type { Clock, ManagementPlane } from './ports.ts';

export interface ClusterStatusParts {
  readonly conditions: readonly ConditionInput[];
  readonly facts?: Pick<WorkloadClusterStatus, 'kubernetesVersion' | 'nodes' | 'claims' | 'leader'>;
}

/** The status of one WorkloadCluster as last known and written. */
export class ClusterStatus {
  readonly #management: ManagementPlane;
  readonly #clock: Clock;
  /** What we wrote, and on which version: the store shows the old one for a while. */
  #written: { readonly onVersion: string; readonly cluster: WorkloadCluster } | undefined;

  constructor(management: ManagementPlane, clock: Clock) {
    this.#management = management;
    this.#clock = clock;
  }

  /** Merges `parts` into the status of `seen`, the store's newest, and writes it if that changes anything.
   *  Somebody else's write in between is no error: the next pass comes. Rejects with other PortErrors. */
  async write(seen: WorkloadCluster, parts: ClusterStatusParts): Promise<void> {
    const base = this.newest(seen);
    const { generation } = base.metadata;
    const before = base.status ?? {};
    const at = { nowMs: this.#clock.nowMs(), ...(generation === undefined ? {} : { generation }) };
    const after: WorkloadClusterStatus = {
      ...before,
      ...parts.facts,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      conditions: inOrder(applyConditions(before.conditions ?? [], parts.conditions, at)),
    };
    if (sameStatus(before, after)) return;
    try {
      const cluster = await this.#management.updateWorkloadClusterStatus(base, after);
      this.#written = { onVersion: seen.metadata.resourceVersion, cluster };
    } catch (error) {
      if (!isPortError(error, 'conflict', 'notFound')) throw error;
      this.#written = undefined;
    }
  }

  /** `seen`, or what we wrote on top of it. */
  newest(seen: WorkloadCluster): WorkloadCluster {
    return this.#written?.onVersion === seen.metadata.resourceVersion ? this.#written.cluster : seen;
  }
}

const CLOUD_REASONS: Readonly<Record<PortErrorCode, Reason>> = {
  credentials: 'CredentialsInvalid',
  forbidden: 'Forbidden',
  invalidSpec: 'CloudRejectsSpec',
  notFound: 'CloudRejectsSpec',
  quota: 'QuotaExceeded',
  capacity: 'OutOfCapacity',
  outcomeUnknown: 'OutcomeUnknown',
  throttled: 'CloudUnavailable',
  conflict: 'CloudUnavailable',
  unavailable: 'CloudUnavailable',
};

/** What a fault of the cloud is called in a condition. */
export function cloudReason(fault: PortError): Reason {
  return CLOUD_REASONS[fault.code];
}

function inOrder(conditions: readonly Condition[]): readonly Condition[] {
  const place = (type: string) => {
    const found = WORKLOAD_CLUSTER_CONDITIONS.findIndex((known) => known === type);
    return found === -1 ? WORKLOAD_CLUSTER_CONDITIONS.length : found;
  };
  return conditions.toSorted((left, right) => place(left.type) - place(right.type));
}

/** Equal apart from key order. */
function sameStatus(left: WorkloadClusterStatus, right: WorkloadClusterStatus): boolean {
  return canonical(left) === canonical(right);
}

/** JSON with sorted keys: what the API server gives back may be in another order than what we wrote. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)))
      : inner,
  );
}
