// What the shell needs from outside. Adapters implement these; telemetry wraps them; tests run one conformance suite on
// each implementation. Every method rejects with a PortError (port-errors.ts) and with nothing else.
// An absent object is `undefined` only when its absence was confirmed (404); any doubt is an error.
// Above 250 lines because it is one contract, read as a whole by whoever writes an adapter or a test double.
import type { NodeClaim, NodeClaimStatus, ServerGroupPolicy } from '../api/node-claim.ts';
import type { NodePool, NodePoolStatus } from '../api/node-pool.ts';
import type { WorkloadCluster, WorkloadClusterStatus } from '../api/workload-cluster.ts';
import type {
  CloudTargets,
  CsiDriverObject,
  CsiNodeObject,
  CsiStorageCapacityObject,
  DaemonSetObject,
  Flavor,
  NamespaceObject,
  NodeObject,
  PersistentVolumeClaimObject,
  PersistentVolumeObject,
  PodDisruptionBudgetObject,
  PodObject,
  Quota,
  StorageClassObject,
  Taint,
  VolumeAttachmentObject,
} from '../cluster/cluster-objects.ts';
import type { Listed } from '../cluster/listed.ts';
import type { DeviceClassObject, ResourceClaimObject, ResourceSliceObject } from '../cluster/device-objects.ts';
import type { PortErrorCode } from './port-errors.ts';

/** Wall clock for records, monotonic clock for deadlines; timers are cancelled by the returned function. */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
  setTimer(afterMs: number, run: () => void): () => void;
}

export interface Random {
  /** Lower-case hex digits from a secure source. */
  hex(digits: number): string;
  /** In [0, 1); for jitter. */
  fraction(): number;
}

/** A read-only view of one kind, kept up to date by a list-watch. */
export interface ObjectStore<T> {
  /** A complete list was taken at least once. */
  readonly synced: boolean;
  /** Grows with every change. */
  readonly version: number;
  /** What the server answered 403 to, while it does so: e.g. `list and watch csidrivers.storage.k8s.io`. */
  readonly missingRight: string | undefined;
  /** Monotonic time of the last sign of life from the server: event, bookmark or list. */
  readonly heardMs: number;
  /** The current objects; the array is replaced, never changed, so it may be kept. */
  list(): readonly T[];
  /** The same as a list that shares with the ones before it what did not change: for kinds of which there are many. */
  view(): Listed<T>;
  /** Objects whose newest version could not be read, by key, and why, naming the field. `list` and `get` hold the last
   *  version that could be read, or nothing where there was none: neither is what the server has. */
  readonly doubtful: ReadonlyMap<string, string>;
  /** By `name`, or `namespace/name` for namespaced kinds. */
  get(key: string): T | undefined;
  /** Called after changes with the keys concerned; undefined = all (after a re-list). Returns the unsubscribe. */
  subscribe(listener: (keys: readonly string[] | undefined) => void): () => void;
}

export interface WorkloadStores {
  readonly nodePools: ObjectStore<NodePool>;
  readonly pods: ObjectStore<PodObject>;
  readonly nodes: ObjectStore<NodeObject>;
  readonly podDisruptionBudgets: ObjectStore<PodDisruptionBudgetObject>;
  readonly daemonSets: ObjectStore<DaemonSetObject>;
  readonly persistentVolumeClaims: ObjectStore<PersistentVolumeClaimObject>;
  readonly persistentVolumes: ObjectStore<PersistentVolumeObject>;
  readonly storageClasses: ObjectStore<StorageClassObject>;
  readonly csiNodes: ObjectStore<CsiNodeObject>;
  readonly csiDrivers: ObjectStore<CsiDriverObject>;
  readonly volumeAttachments: ObjectStore<VolumeAttachmentObject>;
  /** This and the next ones: synced and empty where the server does not have the kind. */
  readonly csiStorageCapacities: ObjectStore<CsiStorageCapacityObject>;
  readonly deviceClasses: ObjectStore<DeviceClassObject>;
  readonly resourceClaims: ObjectStore<ResourceClaimObject>;
  readonly resourceSlices: ObjectStore<ResourceSliceObject>;
  readonly namespaces: ObjectStore<NamespaceObject>;
}

/** What the pool's template asserts on a node. Keys that left the template are taken off, others are left alone. */
export interface NodeAssertion {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  readonly finalizers: readonly string[];
  readonly taints: readonly Taint[];
  /** undefined: leave as it is. */
  readonly unschedulable: boolean | undefined;
}

export type EvictionOutcome =
  | { readonly kind: 'evicted' }
  | { readonly kind: 'gone' }
  /** 429: a disruption budget (or the server's own load) says not now. */
  | { readonly kind: 'blocked'; readonly message: string; readonly retryAfterMs: number | undefined }
  /** The request is wrong in a way that waiting does not mend (e.g. several budgets, a webhook denies). */
  | { readonly kind: 'refused'; readonly message: string };

export interface EventInput {
  readonly regarding: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
  };
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, from a documented list. */
  readonly reason: string;
  /** What was being done, CamelCase, e.g. ScaleUp. */
  readonly action: string;
  /** At most 1 KiB. */
  readonly note: string;
}

export interface BootstrapToken {
  /** 6 characters [a-z0-9]. */
  readonly id: string;
  /** 16 characters [a-z0-9]. */
  readonly secret: string;
  readonly expiresAt: string;
  readonly description: string;
}

/** One workload cluster's API. NOT trusted: sizes are capped, contents are input only. */
export interface WorkloadPlane {
  readonly stores: WorkloadStores;
  /** Where nodes find the API when the WorkloadCluster does not say: URL and PEM of the CA. */
  readonly apiEndpoint: string;
  readonly caCertificate: string;
  /** Starts the list-watches; to be called once the CRD stands. */
  start(): void;
  close(): Promise<void>;
  /** Version text such as v1.37.1; also the probe of the path to this control plane. */
  serverVersion(): Promise<string>;
  /** Applies our NodePool CRD unless a newer one stands. `deleting`: it is on its way out: freeze. */
  ensureNodePoolDefinition(): Promise<'ready' | 'deleting'>;
  getNodePool(name: string): Promise<NodePool | undefined>;
  /** Patches spec.desiredNodes as manager sluice-autoscaler; conflict when the pool changed since. */
  setDesiredNodes(pool: NodePool, desiredNodes: number): Promise<void>;
  applyNodePoolStatus(pool: NodePool, status: NodePoolStatus): Promise<void>;
  setNodePoolFinalizer(pool: NodePool, present: boolean): Promise<void>;
  getNode(name: string): Promise<NodeObject | undefined>;
  assertNode(node: NodeObject, assertion: NodeAssertion): Promise<void>;
  /** Adds the taint and sets spec.unschedulable. */
  cordonNode(node: NodeObject, taint: Taint): Promise<void>;
  /** Undoes cordonNode, for a removal that was called off. */
  uncordonNode(node: NodeObject, taint: Taint): Promise<void>;
  /** Takes this taint off, if it is there. */
  liftTaint(node: NodeObject, taint: Taint): Promise<void>;
  deleteNode(node: { readonly name: string; readonly uid: string }): Promise<void>;
  /** Names the node that the scheduler is to try first (status.nominatedNodeName). conflict: the pod is gone, another one
   *  has its name, or a node is named already. */
  nominateNode(pod: PodObject, nodeName: string): Promise<void>;
  /** Live, paged. */
  listPodsOnNode(nodeName: string): Promise<readonly PodObject[]>;
  evictPod(pod: PodObject): Promise<EvictionOutcome>;
  /** Deletes past the budget, after the drain timeout of a pool with drain.force. */
  deletePod(pod: PodObject): Promise<void>;
  /** Names of VolumeAttachments of this node that are still attached. Live. */
  listVolumeAttachments(nodeName: string): Promise<readonly string[]>;
  createBootstrapToken(token: BootstrapToken): Promise<void>;
  deleteBootstrapToken(id: string): Promise<void>;
  /** Aggregated and rate-limited by the adapter; never rejects. */
  recordEvent(event: EventInput): void;
}

export interface LeaseState {
  readonly held: boolean;
  /** leaseTransitions; written to claims as the epoch. */
  readonly epoch: number;
  readonly holder: string;
}

/** One Lease. `held` turns false before the Lease can move: renew deadline < lease duration, own monotonic clock. */
export interface LeaseHandle {
  state(): LeaseState;
  subscribe(listener: (state: LeaseState) => void): () => void;
  /** Gives the Lease up at once, so that the next holder need not wait. */
  release(): Promise<void>;
}

/** The management cluster. Trusted. */
export interface ManagementPlane {
  readonly stores: {
    readonly workloadClusters: ObjectStore<WorkloadCluster>;
    readonly nodeClaims: ObjectStore<NodeClaim>;
  };
  start(): void;
  close(): Promise<void>;
  createClaim(claim: NodeClaim): Promise<NodeClaim>;
  getClaim(namespace: string, name: string): Promise<NodeClaim | undefined>;
  /** Replaces the status; conflict when the claim changed since `claim` was read. Returns the stored claim. */
  updateClaimStatus(claim: NodeClaim, status: NodeClaimStatus): Promise<NodeClaim>;
  setClaimFinalizer(claim: NodeClaim, present: boolean): Promise<void>;
  /** Marks for deletion (the finalizer keeps it until the node is gone). */
  deleteClaim(claim: NodeClaim): Promise<void>;
  /** Live list, for decisions that must not rest on a cache (orphans). */
  listClaims(namespace: string, clusterUid: string): Promise<readonly NodeClaim[]>;
  getWorkloadCluster(namespace: string, name: string): Promise<WorkloadCluster | undefined>;
  updateWorkloadClusterStatus(cluster: WorkloadCluster, status: WorkloadClusterStatus): Promise<WorkloadCluster>;
  setWorkloadClusterFinalizer(cluster: WorkloadCluster, present: boolean): Promise<void>;
  getSecret(namespace: string, name: string): Promise<ReadonlyMap<string, Uint8Array> | undefined>;
  getConfigMap(namespace: string, name: string): Promise<ReadonlyMap<string, string> | undefined>;
  /** `epochFloor`: the highest epoch that stands written anywhere, -1 for none. A Lease that is taken anew gets a higher
   *  one, also when its object was deleted or restored and would begin again. */
  openLease(name: { readonly namespace: string; readonly name: string }, epochFloor: () => number): LeaseHandle;
  recordEvent(event: EventInput): void;
}

export interface ServerView {
  readonly id: string;
  readonly name: string;
  /** BUILD, ACTIVE, ERROR, DELETED, SHUTOFF, …; unknown words are kept. */
  readonly status: string;
  /** e.g. deleting; empty = none. */
  readonly taskState: string;
  readonly projectId: string;
  readonly flavorName: string;
  readonly zone: string;
  readonly createdMs: number;
  readonly metadata: ReadonlyMap<string, string>;
  readonly addresses: readonly string[];
  /** Why Nova gave up on it. `meaning`: what the adapter makes of Nova's text (capacity: no host for this flavor in this
   *  zone; quota: project full); absent: a fault of its own, worth another try elsewhere. Nobody else reads the text. */
  readonly fault: { readonly code: number; readonly message: string; readonly meaning?: PortErrorCode } | undefined;
}

export interface PortView {
  readonly id: string;
  readonly name: string;
  readonly projectId: string;
  /** Whose it is by its marks; empty = no cluster's. */
  readonly clusterUid: string;
  readonly createdMs: number;
  /** Server id; empty = free. */
  readonly deviceId: string;
  /** Which network of its claim it is on: 0 or absent the first, from 1 the additional ones. */
  readonly networkIndex?: number;
  readonly tags: readonly string[];
  readonly addresses: readonly string[];
}

export interface FloatingIpView {
  readonly id: string;
  readonly projectId: string;
  readonly createdMs: number;
  readonly address: string;
  /** Port that it leads to; empty = none. */
  readonly portId: string;
  readonly clusterUid: string;
  readonly claimUid: string;
}

export interface CreateFloatingIpRequest {
  readonly clusterUid: string;
  readonly claimUid: string;
  readonly floatingNetworkId: string;
  readonly portId: string;
}

export interface CreatePortRequest {
  readonly claimUid: string;
  readonly clusterUid: string;
  readonly claimName: string;
  /** 0 or absent: the claim's first network; the ports of each network are found apart. */
  readonly networkIndex?: number;
  readonly networkId: string;
  readonly subnetId: string | undefined;
  /** Names or ids. */
  readonly securityGroups: readonly string[];
}

export interface CreateServerRequest {
  readonly name: string;
  readonly flavorId: string;
  readonly imageId: string;
  readonly portId: string;
  /** Ports on further networks, in the order of the guest's interfaces. */
  readonly additionalPortIds?: readonly string[];
  readonly zone: string;
  readonly keyPair: string | undefined;
  readonly serverGroupId: string | undefined;
  /** Plain text; the adapter encodes it and checks Nova's limit before sending. */
  readonly userData: string;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Servers and what they need of a project's quota: ports, one on each of their networks, and the rest by flavor. */
export interface QuotaUse {
  readonly servers: number;
  readonly ports: number;
  readonly cores: number;
  readonly memoryMiB: number;
}

/** What clusters of this process hold of one project's quota beyond what Nova counts. In memory, and answers at once. */
export interface QuotaHolds {
  /** Replaces what this cluster holds. */
  set(use: QuotaUse): void;
  /** What all the others hold. */
  others(): QuotaUse;
  /** Something of the project went. */
  moved(): void;
  /** Monotonic time when something last did, whichever cluster's it was; -Infinity: never. */
  movedMs(): number;
}

/** How long ago the answer may have been asked for at most; without it: not before the call. */
export interface Freshness {
  readonly ageMaxMs: number;
}

/** One OpenStack project in one region, through one credential. */
export interface Cloud {
  close(): Promise<void>;
  /** The project of the token in use; compared with the pinned one before anything is written. */
  currentProjectId(): Promise<string>;
  /** Names → ids; invalidSpec names the field of the WorkloadCluster that does not resolve. */
  resolveTargets(cluster: WorkloadCluster): Promise<CloudTargets>;
  listFlavors(): Promise<readonly Flavor[]>;
  readQuota(freshness?: Freshness): Promise<Quota>;
  /** Shared by the sessions of this process that reach the project at the same endpoints. */
  readonly quotaHolds: QuotaHolds;
  /** All servers of the project that carry this cluster's uid in their metadata, in any state. Complete or an error. */
  listServers(clusterUid: string, freshness?: Freshness): Promise<readonly ServerView[]>;
  /** All ports of the project that carry this cluster's marks. Complete or an error. */
  listPorts(clusterUid: string, freshness?: Freshness): Promise<readonly PortView[]>;
  /** Names in use in the project, ours or not, among those given. */
  serverNamesTaken(names: readonly string[]): Promise<ReadonlySet<string>>;
  /** Ports of this claim on its first network and on so many additional ones, by network, oldest first. */
  findPorts(
    claimUid: string,
    look?: Partial<Freshness> & { readonly additionalNetworks?: number },
  ): Promise<readonly PortView[]>;
  createPort(request: CreatePortRequest): Promise<PortView>;
  /** notFound is success. */
  deletePort(id: string): Promise<void>;
  /** Floating IPs of this claim, oldest first; none where the cloud has no floating IPs. */
  findFloatingIps(owner: Pick<FloatingIpView, 'clusterUid' | 'claimUid'>): Promise<readonly FloatingIpView[]>;
  /** All floating IPs of the project that carry this cluster's mark. Complete or an error. */
  listFloatingIps(clusterUid: string, freshness?: Freshness): Promise<readonly FloatingIpView[]>;
  /** A quota that is reached, and a network without a free address, concern the pool, not the project. */
  createFloatingIp(request: CreateFloatingIpRequest): Promise<FloatingIpView>;
  getFloatingIp(id: string): Promise<FloatingIpView | undefined>;
  /** notFound is success. */
  deleteFloatingIp(id: string): Promise<void>;
  /** Servers that carry this claim's uid, BUILD and ERROR included. */
  findServers(claimUid: string, name: string, freshness?: Freshness): Promise<readonly ServerView[]>;
  /** Exactly one POST; never repeated by any layer. outcomeUnknown when the answer was lost. Returns the server id. */
  createServer(request: CreateServerRequest): Promise<string>;
  /** Live, by id. With a freshness, a listing of the project may answer if it shows the server: for who only waits for it.
   *  Absence is always Nova's 404 to this id, at most seconds old. */
  getServer(id: string, freshness?: Freshness): Promise<ServerView | undefined>;
  getPort(id: string): Promise<PortView | undefined>;
  deleteServer(id: string): Promise<void>;
  /** Id of the group of this name and policy (absent: anti-affinity); created when there is none. */
  ensureServerGroup(name: string, policy?: ServerGroupPolicy): Promise<string>;
  /** Those of this name, whatever their policy. */
  deleteServerGroup(name: string): Promise<void>;
  /** Names of the server groups that were made for this cluster's pools (`serverGroupName`). Complete or an error. */
  listServerGroups(clusterUid: string, freshness?: Freshness): Promise<readonly string[]>;
}

/** Opens sessions. Secrets stay inside the adapter. */
export interface Sessions {
  /** `inCluster`: the management cluster is also the workload cluster. */
  openWorkloadPlane(
    source: { readonly kind: 'inCluster' } | { readonly kind: 'kubeconfig'; readonly text: string },
    /** `<namespace>/<name>` of the WorkloadCluster: the label of its metrics. */
    cluster: string,
  ): Promise<WorkloadPlane>;
  openCloud(
    source: { readonly cloudsYaml: string; readonly cloud: string | undefined; readonly region: string | undefined },
    cluster: string,
  ): Promise<Cloud>;
}

export type TelemetryLabels = Readonly<Record<string, string>>;

/** Where the shell says what happens. Names are those of the metric catalogue; an unknown name is a programmer error. */
export interface Telemetry {
  count(metric: string, labels: TelemetryLabels, by?: number): void;
  gauge(metric: string, labels: TelemetryLabels, value: number): void;
  observe(metric: string, labels: TelemetryLabels, seconds: number): void;
  /** Drops every series of a cluster that is no longer ours. */
  forget(labels: TelemetryLabels): void;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** One line per decision, machine-readable. */
  decision(entry: Readonly<Record<string, unknown>>): void;
}
