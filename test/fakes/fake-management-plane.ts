// The management cluster in memory: resource versions, finalizers and deletion behave as at a real API server.
import type { NodeClaim, NodeClaimStatus } from '../../src/api/node-claim.ts';
import type { ObjectMeta } from '../../src/api/object-meta.ts';
import type { WorkloadCluster, WorkloadClusterStatus } from '../../src/api/workload-cluster.ts';
import { PortError } from '../../src/controllers/port-errors.ts';
import type { Clock, EventInput, LeaseHandle, LeaseState, ManagementPlane } from '../../src/controllers/ports.ts';
import { FakeStore } from './fake-store.ts';

const key = (meta: { readonly namespace?: string | undefined; readonly name: string }) =>
  `${meta.namespace ?? ''}/${meta.name}`;

export class FakeLease implements LeaseHandle {
  #state: LeaseState;
  readonly #listeners = new Set<(state: LeaseState) => void>();

  constructor(epoch = 1) {
    this.#state = { held: true, epoch, holder: 'replica-a' };
  }

  state(): LeaseState {
    return this.#state;
  }

  set(state: Partial<LeaseState>): void {
    this.#state = { ...this.#state, ...state };
    for (const listener of this.#listeners) listener(this.#state);
  }

  subscribe(listener: (state: LeaseState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async release(): Promise<void> {
    this.set({ held: false });
  }
}

export class FakeManagementPlane implements ManagementPlane {
  readonly stores = {
    workloadClusters: new FakeStore<WorkloadCluster>((cluster) => key(cluster.metadata)),
    nodeClaims: new FakeStore<NodeClaim>((claim) => key(claim.metadata)),
  };
  readonly secrets = new Map<string, ReadonlyMap<string, Uint8Array>>();
  readonly configMaps = new Map<string, ReadonlyMap<string, string>>();
  readonly events: EventInput[] = [];
  readonly leases = new Map<string, FakeLease>();
  /** Every claim ever created, by uid: the books that tests count from. */
  readonly claimsEverCreated: NodeClaim[] = [];
  started = false;
  #counter = 0;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(): void {
    this.started = true;
  }

  async close(): Promise<void> {
    this.started = false;
  }

  async createClaim(claim: NodeClaim): Promise<NodeClaim> {
    if (this.stores.nodeClaims.get(key(claim.metadata)) !== undefined) {
      throw new PortError('conflict', `NodeClaim ${claim.metadata.name} exists`);
    }
    const { status: _dropped, ...rest } = claim; // as with a status subresource: a create does not write it
    const stored: NodeClaim = {
      ...rest,
      metadata: {
        ...claim.metadata,
        uid: `claim-uid-${(this.claimsEverCreated.length + 1).toString().padStart(6, '0')}`,
        resourceVersion: this.#nextVersion(),
        creationTimestamp: new Date(this.#clock.nowMs()).toISOString(),
      },
    };
    this.claimsEverCreated.push(stored);
    this.stores.nodeClaims.put(stored);
    return stored;
  }

  async getClaim(namespace: string, name: string): Promise<NodeClaim | undefined> {
    return this.stores.nodeClaims.get(key({ namespace, name }));
  }

  async updateClaimStatus(claim: NodeClaim, status: NodeClaimStatus): Promise<NodeClaim> {
    const current = this.#current(claim);
    return this.#store({ ...current, status });
  }

  async setClaimFinalizer(claim: NodeClaim, present: boolean): Promise<void> {
    const current = this.stores.nodeClaims.get(key(claim.metadata));
    if (current === undefined || current.metadata.uid !== claim.metadata.uid) return;
    const finalizers = withName(current.metadata, 'sluice.dev/nodeclaim', present);
    if (finalizers.length === 0 && current.metadata.deletionTimestamp !== undefined) {
      this.stores.nodeClaims.remove(key(current.metadata));
      return;
    }
    this.#store({ ...current, metadata: { ...current.metadata, finalizers } });
  }

  async deleteClaim(claim: NodeClaim): Promise<void> {
    const current = this.stores.nodeClaims.get(key(claim.metadata));
    if (current === undefined || current.metadata.uid !== claim.metadata.uid) return;
    if ((current.metadata.finalizers ?? []).length === 0) {
      this.stores.nodeClaims.remove(key(current.metadata));
      return;
    }
    if (current.metadata.deletionTimestamp !== undefined) return;
    const deletionTimestamp = new Date(this.#clock.nowMs()).toISOString();
    this.#store({ ...current, metadata: { ...current.metadata, deletionTimestamp } });
  }

  async listClaims(namespace: string, clusterUid: string): Promise<readonly NodeClaim[]> {
    return this.stores.nodeClaims
      .list()
      .filter((claim) => claim.metadata.namespace === namespace && claim.spec.clusterUid === clusterUid);
  }

  async getWorkloadCluster(namespace: string, name: string): Promise<WorkloadCluster | undefined> {
    return this.stores.workloadClusters.get(key({ namespace, name }));
  }

  async updateWorkloadClusterStatus(cluster: WorkloadCluster, status: WorkloadClusterStatus): Promise<WorkloadCluster> {
    const current = this.stores.workloadClusters.get(key(cluster.metadata));
    if (current === undefined) throw new PortError('notFound', `WorkloadCluster ${cluster.metadata.name} is gone`);
    const stored = { ...current, status, metadata: { ...current.metadata, resourceVersion: this.#nextVersion() } };
    this.stores.workloadClusters.put(stored);
    return stored;
  }

  async setWorkloadClusterFinalizer(cluster: WorkloadCluster, present: boolean): Promise<void> {
    const current = this.stores.workloadClusters.get(key(cluster.metadata));
    if (current === undefined) return;
    const finalizers = withName(current.metadata, 'sluice.dev/workloadcluster', present);
    if (finalizers.length === 0 && current.metadata.deletionTimestamp !== undefined) {
      this.stores.workloadClusters.remove(key(current.metadata));
      return;
    }
    this.stores.workloadClusters.put({
      ...current,
      metadata: { ...current.metadata, finalizers, resourceVersion: this.#nextVersion() },
    });
  }

  async getSecret(namespace: string, name: string): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
    return this.secrets.get(key({ namespace, name }));
  }

  async getConfigMap(namespace: string, name: string): Promise<ReadonlyMap<string, string> | undefined> {
    return this.configMaps.get(key({ namespace, name }));
  }

  openLease(name: { readonly namespace: string; readonly name: string }, epochFloor: () => number): FakeLease {
    const lease = this.leases.get(key(name)) ?? new FakeLease(Math.max(1, epochFloor() + 1));
    this.leases.set(key(name), lease);
    return lease;
  }

  recordEvent(event: EventInput): void {
    this.events.push(event);
  }

  #current(claim: NodeClaim): NodeClaim {
    const current = this.stores.nodeClaims.get(key(claim.metadata));
    if (current === undefined || current.metadata.uid !== claim.metadata.uid) {
      throw new PortError('notFound', `NodeClaim ${claim.metadata.name} is gone`);
    }
    if (current.metadata.resourceVersion !== claim.metadata.resourceVersion) {
      throw new PortError('conflict', `NodeClaim ${claim.metadata.name} changed`);
    }
    return current;
  }

  #store(claim: NodeClaim): NodeClaim {
    const stored = { ...claim, metadata: { ...claim.metadata, resourceVersion: this.#nextVersion() } };
    this.stores.nodeClaims.put(stored);
    return stored;
  }

  #nextVersion(): string {
    this.#counter += 1;
    return String(this.#counter);
  }
}

function withName(meta: ObjectMeta, name: string, present: boolean): readonly string[] {
  const others = (meta.finalizers ?? []).filter((finalizer) => finalizer !== name);
  return present ? [...others, name] : others;
}
