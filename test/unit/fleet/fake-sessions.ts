// Opens fakes instead of clusters: one workload plane and one cloud per cluster, with failures on demand.
import type { WorkloadCluster, WorkloadClusterSpec } from '../../../src/api/workload-cluster.ts';
import type { Cloud, Sessions, WorkloadPlane } from '../../../src/controllers/ports.ts';
import { FleetController } from '../../../src/fleet/fleet-controller.ts';
import { FakeClock, FakeRandom } from '../../fakes/fake-clock.ts';
import { FakeCloud } from '../../fakes/fake-cloud.ts';
import { type FakeLease, FakeManagementPlane } from '../../fakes/fake-management-plane.ts';
import { makeCluster, NAMESPACE } from '../../fakes/fake-objects.ts';
import { FakeTelemetry } from '../../fakes/fake-telemetry.ts';
import { FakeWorkloadPlane } from '../../fakes/fake-workload-plane.ts';

/** As often as bookmarks come, or more. */
const HEARTBEAT_MS = 30_000;

/** What one cluster is reached by. */
export interface Reach {
  readonly plane: FakeWorkloadPlane;
  readonly cloud: FakeCloud;
  /** Rejects the opening of the plane. */
  planeError: Error | undefined;
  /** Rejects the opening of the cloud. */
  cloudError: Error | undefined;
  /** Never answers. */
  hangs: boolean;
  /** Its watches bring nothing, not even bookmarks. */
  silent: boolean;
  readonly opened: { readonly kubeconfig: string; readonly cloudsYaml: string[] }[];
  wrapPlane: (plane: WorkloadPlane) => WorkloadPlane;
}

export class FakeFleet {
  readonly clock = new FakeClock();
  readonly management = new FakeManagementPlane(this.clock);
  readonly telemetry = new FakeTelemetry();
  readonly reaches = new Map<string, Reach>();
  readonly fleet: FleetController;

  constructor() {
    const sessions: Sessions = {
      openWorkloadPlane: (source, cluster) =>
        this.#openPlane(source.kind === 'kubeconfig' ? source.text : '(in cluster)', cluster),
      openCloud: (source, cluster) => this.#openCloud(source.cloudsYaml, cluster),
    };
    this.fleet = new FleetController({
      management: this.management,
      sessions,
      telemetry: this.telemetry,
      clock: this.clock,
      random: new FakeRandom(),
      identity: 'replica-a',
    });
  }

  /** Adds a cluster with its secrets; it can be reached unless the test says otherwise. */
  addCluster(name: string, spec: Partial<WorkloadClusterSpec> = {}): Reach {
    const base = makeCluster({
      kubeconfig: { secretRef: { name: `${name}-kubeconfig` } },
      openstack: { ...makeCluster().spec.openstack, credentialsSecretRef: { name: `${name}-cloud` } },
      ...spec,
    });
    this.setSecret(`${name}-kubeconfig`, 'kubeconfig', `kubeconfig of ${name}`);
    this.setSecret(`${name}-cloud`, 'clouds.yaml', `clouds of ${name}`);
    this.management.stores.workloadClusters.put({ ...base, metadata: { ...base.metadata, name, uid: `uid-${name}` } });
    const reach: Reach = {
      plane: new FakeWorkloadPlane(this.clock),
      cloud: new FakeCloud(this.clock),
      planeError: undefined,
      cloudError: undefined,
      hangs: false,
      silent: false,
      opened: [],
      wrapPlane: (plane) => plane,
    };
    this.reaches.set(`${NAMESPACE}/${name}`, reach);
    return reach;
  }

  setSecret(name: string, key: string, text: string): void {
    this.management.secrets.set(`${NAMESPACE}/${name}`, new Map([[key, new TextEncoder().encode(text)]]));
  }

  cluster(name: string): WorkloadCluster | undefined {
    return this.management.stores.workloadClusters.get(`${NAMESPACE}/${name}`);
  }

  /** Lets time pass while the watches of all clusters stay alive. */
  async advance(byMs: number): Promise<void> {
    for (let leftMs = byMs; leftMs > 0; leftMs -= HEARTBEAT_MS) {
      await this.clock.advanceAndSettle(Math.min(leftMs, HEARTBEAT_MS));
      for (const { plane, silent } of this.reaches.values()) {
        if (silent) continue;
        for (const store of Object.values(plane.stores)) store.heardMs = this.clock.monotonicMs();
      }
    }
  }

  /** `Type Status Reason`, in the object's order. */
  conditions(name: string): readonly string[] {
    const conditions = this.cluster(name)?.status?.conditions ?? [];
    return conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
  }

  lease(name: string): FakeLease {
    const lease = this.management.leases.get(`${NAMESPACE}/sluice-${name}`);
    if (lease === undefined) throw new Error(`no Lease was opened for ${name}`);
    return lease;
  }

  /** As `kubectl delete workloadcluster`. */
  deleteCluster(name: string, spec: Partial<WorkloadClusterSpec> = {}): void {
    const cluster = this.cluster(name);
    if (cluster === undefined) throw new Error(`no cluster ${name}`);
    const deletionTimestamp = new Date(this.clock.nowMs()).toISOString();
    this.management.stores.workloadClusters.put({
      ...cluster,
      spec: { ...cluster.spec, ...spec },
      metadata: { ...cluster.metadata, deletionTimestamp },
    });
  }

  async #openPlane(kubeconfig: string, cluster: string): Promise<WorkloadPlane> {
    const reach = this.#reach(cluster);
    if (reach.hangs) return new Promise(() => undefined);
    if (reach.planeError !== undefined) throw reach.planeError;
    reach.opened.push({ kubeconfig, cloudsYaml: [] });
    return reach.wrapPlane(reach.plane);
  }

  async #openCloud(cloudsYaml: string, cluster: string): Promise<Cloud> {
    const reach = this.#reach(cluster);
    if (reach.cloudError !== undefined) throw reach.cloudError;
    reach.opened.at(-1)?.cloudsYaml.push(cloudsYaml);
    return reach.cloud;
  }

  #reach(cluster: string): Reach {
    const reach = this.reaches.get(cluster);
    if (reach === undefined) throw new Error(`nobody said how to reach ${cluster}`);
    return reach;
  }
}
