// A workload cluster's API in memory. Pods go when evicted (or after podGraceMs), budgets are functions of the test.
import type { NodePool, NodePoolStatus } from '../../src/api/node-pool.ts';
import type {
  CsiDriverObject,
  CsiNodeObject,
  CsiStorageCapacityObject,
  DaemonSetObject,
  NamespaceObject,
  NodeObject,
  PersistentVolumeClaimObject,
  PersistentVolumeObject,
  PodDisruptionBudgetObject,
  PodObject,
  StorageClassObject,
  Taint,
  VolumeAttachmentObject,
} from '../../src/cluster/cluster-objects.ts';
import type { DeviceClassObject, ResourceClaimObject, ResourceSliceObject } from '../../src/cluster/device-objects.ts';
import { PortError } from '../../src/controllers/port-errors.ts';
import type {
  BootstrapToken,
  Clock,
  EventInput,
  EvictionOutcome,
  NodeAssertion,
  WorkloadPlane,
} from '../../src/controllers/ports.ts';
import { FakeStore } from './fake-store.ts';

const byName = (object: { readonly name: string }) => object.name;
const byNamespacedName = (object: { readonly namespace: string; readonly name: string }) =>
  `${object.namespace}/${object.name}`;

export class FakeWorkloadPlane implements WorkloadPlane {
  readonly stores = {
    nodePools: new FakeStore<NodePool>((pool) => pool.metadata.name),
    pods: new FakeStore<PodObject>(byNamespacedName),
    nodes: new FakeStore<NodeObject>(byName),
    podDisruptionBudgets: new FakeStore<PodDisruptionBudgetObject>(byNamespacedName),
    daemonSets: new FakeStore<DaemonSetObject>(byNamespacedName),
    persistentVolumeClaims: new FakeStore<PersistentVolumeClaimObject>(byNamespacedName),
    persistentVolumes: new FakeStore<PersistentVolumeObject>(byName),
    storageClasses: new FakeStore<StorageClassObject>(byName),
    csiNodes: new FakeStore<CsiNodeObject>(byName),
    csiDrivers: new FakeStore<CsiDriverObject>(byName),
    csiStorageCapacities: new FakeStore<CsiStorageCapacityObject>(byNamespacedName),
    volumeAttachments: new FakeStore<VolumeAttachmentObject>(byName),
    deviceClasses: new FakeStore<DeviceClassObject>(byName),
    resourceClaims: new FakeStore<ResourceClaimObject>(byNamespacedName),
    resourceSlices: new FakeStore<ResourceSliceObject>(byName),
    namespaces: new FakeStore<NamespaceObject>(byName),
  };
  readonly apiEndpoint = 'https://api.tenant.example:6443';
  readonly caCertificate = '-----BEGIN CERTIFICATE-----\nZmFrZQ==\n-----END CERTIFICATE-----\n';
  definition: 'ready' | 'deleting' = 'ready';
  started = false;
  /** What eviction answers; undefined: the pod is evicted. */
  onEvict: (pod: PodObject) => EvictionOutcome | undefined = () => undefined;
  /** Time between eviction and the pod being gone. */
  podGraceMs = 0;
  readonly tokens = new Map<string, BootstrapToken>();
  readonly tokensEverCreated: BootstrapToken[] = [];
  readonly events: EventInput[] = [];
  readonly evictions: string[] = [];
  readonly forcedDeletes: string[] = [];
  readonly deletedNodes: string[] = [];
  /** Nodes that a taint was lifted from, in order. */
  readonly lifted: string[] = [];
  readonly assertions: NodeAssertion[] = [];
  readonly desiredNodesWritten: { readonly pool: string; readonly desiredNodes: number }[] = [];
  /** Node name → names of attachments. */
  readonly volumeAttachments = new Map<string, readonly string[]>();
  readonly #clock: Clock;
  #version = 1000;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(): void {
    this.started = true;
  }

  async close(): Promise<void> {
    this.started = false;
  }

  async serverVersion(): Promise<string> {
    return 'v1.35.0';
  }

  async ensureNodePoolDefinition(): Promise<'ready' | 'deleting'> {
    return this.definition;
  }

  async getNodePool(name: string): Promise<NodePool | undefined> {
    return this.stores.nodePools.get(name);
  }

  async setDesiredNodes(pool: NodePool, desiredNodes: number): Promise<void> {
    const current = this.#pool(pool);
    if (current.metadata.resourceVersion !== pool.metadata.resourceVersion) {
      throw new PortError('conflict', `NodePool ${pool.metadata.name} changed`);
    }
    this.desiredNodesWritten.push({ pool: pool.metadata.name, desiredNodes });
    this.#putPool({ ...current, spec: { ...current.spec, desiredNodes } });
  }

  async applyNodePoolStatus(pool: NodePool, status: NodePoolStatus): Promise<void> {
    this.#putPool({ ...this.#pool(pool), status });
  }

  async setNodePoolFinalizer(pool: NodePool, present: boolean): Promise<void> {
    const current = this.stores.nodePools.get(pool.metadata.name);
    if (current === undefined) return;
    const others = (current.metadata.finalizers ?? []).filter((name) => name !== 'sluice.dev/nodepool');
    const finalizers = present ? [...others, 'sluice.dev/nodepool'] : others;
    if (finalizers.length === 0 && current.metadata.deletionTimestamp !== undefined) {
      this.stores.nodePools.remove(pool.metadata.name);
      return;
    }
    this.#putPool({ ...current, metadata: { ...current.metadata, finalizers } });
  }

  async getNode(name: string): Promise<NodeObject | undefined> {
    return this.stores.nodes.get(name);
  }

  /** Adds what is missing; taking off what left a template is the adapter's matter and tested there. */
  async assertNode(node: NodeObject, assertion: NodeAssertion): Promise<void> {
    const current = this.#node(node);
    this.assertions.push(assertion);
    const wanted = new Set(assertion.taints.map((taint) => `${taint.key}:${taint.effect}`));
    this.putNode({
      ...current,
      labels: new Map([...current.labels, ...assertion.labels]),
      annotations: new Map([...current.annotations, ...assertion.annotations]),
      finalizers: [...new Set([...current.finalizers, ...assertion.finalizers])],
      taints: [...current.taints.filter((taint) => !wanted.has(`${taint.key}:${taint.effect}`)), ...assertion.taints],
      unschedulable: assertion.unschedulable ?? current.unschedulable,
    });
  }

  async cordonNode(node: NodeObject, taint: Taint): Promise<void> {
    const current = this.#node(node);
    const others = current.taints.filter((other) => other.key !== taint.key);
    this.putNode({ ...current, unschedulable: true, taints: [...others, taint] });
  }

  async uncordonNode(node: NodeObject, taint: Taint): Promise<void> {
    const current = this.#node(node);
    const taints = current.taints.filter((other) => other.key !== taint.key);
    this.putNode({ ...current, unschedulable: false, taints });
  }

  async liftTaint(node: NodeObject, taint: Taint): Promise<void> {
    const current = this.#node(node);
    this.lifted.push(node.name);
    this.putNode({ ...current, taints: current.taints.filter((other) => other.key !== taint.key) });
  }

  async nominateNode(pod: PodObject, nodeName: string): Promise<void> {
    const current = this.stores.pods.get(byNamespacedName(pod));
    if (current?.uid !== pod.uid || current.nominatedNodeName !== '') {
      throw new PortError('conflict', `pod ${pod.name} is not as it was`);
    }
    this.stores.pods.put({ ...current, nominatedNodeName: nodeName });
  }

  async deleteNode(node: { readonly name: string; readonly uid: string }): Promise<void> {
    const current = this.stores.nodes.get(node.name);
    if (current === undefined) return;
    if (current.uid !== node.uid) throw new PortError('conflict', `Node ${node.name} has another uid`);
    this.stores.nodes.remove(node.name);
    this.deletedNodes.push(node.name);
  }

  async listPodsOnNode(nodeName: string): Promise<readonly PodObject[]> {
    return this.stores.pods.list().filter((pod) => pod.nodeName === nodeName);
  }

  async evictPod(pod: PodObject): Promise<EvictionOutcome> {
    const current = this.stores.pods.get(byNamespacedName(pod));
    if (current === undefined || current.uid !== pod.uid) return { kind: 'gone' };
    const answer = this.onEvict(current);
    if (answer !== undefined && answer.kind !== 'evicted') return answer;
    this.evictions.push(pod.name);
    this.#terminate(current);
    return { kind: 'evicted' };
  }

  async deletePod(pod: PodObject): Promise<void> {
    const current = this.stores.pods.get(byNamespacedName(pod));
    if (current === undefined || current.uid !== pod.uid) return;
    this.forcedDeletes.push(pod.name);
    this.#terminate(current);
  }

  async listVolumeAttachments(nodeName: string): Promise<readonly string[]> {
    return this.volumeAttachments.get(nodeName) ?? [];
  }

  async createBootstrapToken(token: BootstrapToken): Promise<void> {
    if (this.tokens.has(token.id)) throw new PortError('conflict', 'this bootstrap token exists');
    this.tokens.set(token.id, token);
    this.tokensEverCreated.push(token);
  }

  async deleteBootstrapToken(id: string): Promise<void> {
    this.tokens.delete(id);
  }

  recordEvent(event: EventInput): void {
    this.events.push(event);
  }

  putNode(node: NodeObject): void {
    this.#version += 1;
    this.stores.nodes.put({ ...node, resourceVersion: String(this.#version) });
  }

  #terminate(pod: PodObject): void {
    const name = byNamespacedName(pod);
    if (this.podGraceMs === 0) {
      this.stores.pods.remove(name);
      return;
    }
    this.stores.pods.put({ ...pod, deleting: true });
    this.#clock.setTimer(this.podGraceMs, () => {
      if (this.stores.pods.get(name)?.uid === pod.uid) this.stores.pods.remove(name);
    });
  }

  #node(node: NodeObject): NodeObject {
    const current = this.stores.nodes.get(node.name);
    if (current === undefined || current.uid !== node.uid) throw new PortError('notFound', `Node ${node.name} is gone`);
    return current;
  }

  #pool(pool: NodePool): NodePool {
    const current = this.stores.nodePools.get(pool.metadata.name);
    if (current === undefined) throw new PortError('notFound', `NodePool ${pool.metadata.name} is gone`);
    return current;
  }

  #putPool(pool: NodePool): void {
    this.#version += 1;
    this.stores.nodePools.put({ ...pool, metadata: { ...pool.metadata, resourceVersion: String(this.#version) } });
  }
}
