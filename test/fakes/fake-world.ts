// All the fakes of one cluster, wired into a ClusterContext, and the kubelets of its servers.
import type { ClusterContext, FaultBook } from '../../src/controllers/cluster-context.ts';
import type { Cloud, ManagementPlane, WorkloadPlane } from '../../src/controllers/ports.ts';
import { formatProviderId } from '../../src/api/names.ts';
import type { WorkloadCluster } from '../../src/api/workload-cluster.ts';
import type { Backoff } from '../../src/cluster/cluster-objects.ts';
import { FakeClock, FakeRandom } from './fake-clock.ts';
import { FakeCloud } from './fake-cloud.ts';
import { FakeLease, FakeManagementPlane } from './fake-management-plane.ts';
import { CLUSTER_UID, makeCluster, makeNode, NAMESPACE } from './fake-objects.ts';
import { FakeTelemetry } from './fake-telemetry.ts';
import { FakeWorkloadPlane } from './fake-workload-plane.ts';

/** A FaultBook that only remembers. */
export class FakeFaultBook implements FaultBook {
  readonly recorded: Parameters<FaultBook['record']>[0][] = [];
  readonly unjoined: Parameters<FaultBook['neverJoined']>[] = [];
  readonly joins: Parameters<FaultBook['joined']>[0][] = [];
  readonly cleared: Parameters<FaultBook['clear']>[0][] = [];
  backoffs: readonly Backoff[] = [];

  record(fault: Parameters<FaultBook['record']>[0]): void {
    this.recorded.push(fault);
  }

  clear(what: Parameters<FaultBook['clear']>[0]): void {
    this.cleared.push(what);
  }

  neverJoined(...given: Parameters<FaultBook['neverJoined']>): void {
    this.unjoined.push(given);
  }

  joined(place: Parameters<FaultBook['joined']>[0]): void {
    this.joins.push(place);
  }

  standing(): readonly Backoff[] {
    return this.backoffs;
  }
}

export interface FakeWorldOptions {
  readonly cluster?: WorkloadCluster;
  /** Wraps each port, e.g. with interruptPort. */
  readonly wrap?: {
    management?(plane: ManagementPlane): ManagementPlane;
    workload?(plane: WorkloadPlane): WorkloadPlane;
    cloud?(cloud: Cloud): Cloud;
  };
  readonly faults?: FaultBook;
}

export class FakeWorld {
  readonly clock = new FakeClock();
  readonly random = new FakeRandom();
  readonly management = new FakeManagementPlane(this.clock);
  readonly workload = new FakeWorkloadPlane(this.clock);
  readonly cloud = new FakeCloud(this.clock);
  readonly telemetry = new FakeTelemetry();
  readonly lease = new FakeLease();
  readonly faults = new FakeFaultBook();
  readonly abort = new AbortController();
  cluster: WorkloadCluster;
  frozen: string | undefined;

  constructor(cluster: WorkloadCluster = makeCluster()) {
    this.cluster = cluster;
    this.management.stores.workloadClusters.put(cluster);
  }

  /** A context as a process that just started has it: all memory of its own is new. */
  context(options: Omit<FakeWorldOptions, 'cluster'> = {}): ClusterContext {
    return {
      cluster: () => this.cluster,
      namespace: NAMESPACE,
      clusterName: this.cluster.metadata.name,
      clusterUid: CLUSTER_UID,
      management: options.wrap?.management?.(this.management) ?? this.management,
      workload: options.wrap?.workload?.(this.workload) ?? this.workload,
      cloud: options.wrap?.cloud?.(this.cloud) ?? this.cloud,
      telemetry: this.telemetry,
      clock: this.clock,
      random: this.random,
      faults: options.faults ?? this.faults,
      lease: () => this.lease.state(),
      frozen: () => this.frozen,
      signal: this.abort.signal,
    };
  }

  /** Every ACTIVE server whose user data holds a live bootstrap token and that has no Node yet becomes one. */
  bootKubelets(): void {
    for (const server of this.cloud.serversShown()) {
      if (server.status !== 'ACTIVE' || server.taskState !== '') continue;
      if (this.workload.stores.nodes.get(server.name) !== undefined) continue;
      const userData = decodedUserData(this.cloud.userDataOf(server.id) ?? '');
      const token = [...this.workload.tokens.values()].find((known) => userData.includes(known.secret));
      if (token === undefined) continue;
      this.workload.putNode(
        makeNode(server.name, { uid: `uid-of-${server.id}`, providerId: formatProviderId(server.id) }),
      );
    }
  }
}

/** The text with every base64 part of it laid open, as cloud-init would write it to disk. */
export function decodedUserData(userData: string): string {
  let text = userData;
  for (const depth of [1, 2]) {
    const parts = text.match(/[A-Za-z0-9+/]{24,}={0,2}/g) ?? [];
    text += `\n# depth ${depth}\n${parts.map((part) => Buffer.from(part, 'base64').toString('utf8')).join('\n')}`;
  }
  return text;
}
