// What every controller of one cluster shares. Built by the fleet when a cluster's session opens; thrown away with it.
import type { WorkloadCluster } from '../api/workload-cluster.ts';
import type { Backoff } from '../cluster/cluster-objects.ts';
import type { JoinPlace } from './join-waits.ts';
import type { PortError } from './port-errors.ts';
import type { Clock, Cloud, LeaseState, ManagementPlane, Random, Telemetry, WorkloadPlane } from './ports.ts';

/** Faults that still stand, per what they concern. The claim reconciler writes, observe-cluster reads. */
export interface FaultBook {
  record(fault: {
    readonly error: PortError;
    readonly pool: string;
    readonly flavor: string;
    readonly zone: string;
  }): void;
  /** A create of this flavor and zone worked: forget what stood against it. */
  clear(what: { readonly pool: string; readonly flavor: string; readonly zone: string }): void;
  /** A server was asked for and no Ready node came of it in time. */
  neverJoined(place: JoinPlace, what: { readonly createdMs: number; readonly message: string }): void;
  /** A node became Ready: forget those that did not. */
  joined(place: JoinPlace): void;
  standing(): readonly Backoff[];
}

export interface ClusterContext {
  /** The newest WorkloadCluster of this uid. */
  cluster(): WorkloadCluster;
  readonly namespace: string;
  readonly clusterName: string;
  readonly clusterUid: string;
  readonly management: ManagementPlane;
  readonly workload: WorkloadPlane;
  readonly cloud: Cloud;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: Random;
  readonly faults: FaultBook;
  /** Not held: no writes anywhere. */
  lease(): LeaseState;
  /** Set while the path to the control plane is sick or too much vanished at once: nothing is removed. */
  frozen(): string | undefined;
  /** Ends with the session. */
  readonly signal: AbortSignal;
}

/** What a reconcile says of itself; combined by soonest wake-up. */
export type ReconcileOutcome =
  | { readonly kind: 'settled' }
  | { readonly kind: 'wait'; readonly afterMs: number; readonly why: string };
