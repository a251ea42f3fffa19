// The scheduler: the filters of the pure rooms on the cluster as it stands, first node that fits, a binding per pod; for
// the rest the condition that autoscalers wait for. Packs where kube-scheduler would spread.
import { TAINTS } from '../../api/names.ts';
import type { WorkloadCluster } from '../../api/workload-cluster.ts';
import { buildSnapshot } from '../../cluster/build-snapshot.ts';
import type { ClusterObjects, PodObject } from '../../cluster/cluster-objects.ts';
import { parseDeviceClass, parseResourceClaim, parseResourceSlice } from '../../cluster/parse-devices.ts';
import { parseNode } from '../../cluster/parse-node.ts';
import {
  parseCsiDriver,
  parseCsiNode,
  parseDaemonSet,
  parseNamespace,
  parsePersistentVolume,
  parsePersistentVolumeClaim,
  parsePodDisruptionBudget,
  parseStorageClass,
} from '../../cluster/parse-objects.ts';
import { parsePod } from '../../cluster/parse-pod.ts';
import { parseCsiStorageCapacity, parseVolumeAttachment } from '../../cluster/parse-storage-state.ts';
import { PodShapeInterner } from '../../cluster/pod-shape-interner.ts';
import { ForkedSnapshot } from '../../scheduling/forked-snapshot.ts';
import { simulatePendingPods } from '../../simulation/simulate-pending-pods.ts';
import { explainPod } from '../../simulation/explain-pod.ts';
import type { KubeObject } from '../kubernetes-api/kube-object.ts';
import { bindPod } from '../kubernetes-api/pod-subresources.ts';
import { fieldsOf, listOf, textOf, type Fields } from '../untyped.ts';
import type { BrainContext } from './brain-context.ts';
import { bindVolumes } from './volume-binder.ts';

/** A cluster's own controllers see no cloud: an empty one stands in its place. */
const NO_CLUSTER: WorkloadCluster = {
  metadata: { name: 'playground', uid: 'playground', resourceVersion: '0' },
  spec: {
    kubeconfig: { inCluster: true },
    openstack: { credentialsSecretRef: { name: 'none' }, projectId: 'none', network: 'none', images: [] },
  },
};
/** The planner reads this taint as "coming up"; to a scheduler it is a taint like any other. */
const PLACING_AS_ANY_TAINT = `${TAINTS.placing}-as-any`;

export class Scheduler {
  readonly #context: BrainContext;
  readonly #interner = new PodShapeInterner();

  constructor(context: BrainContext) {
    this.#context = context;
  }

  /** Binds what fits now, and says of the rest why it does not. */
  run(nowMs: number): void {
    const waiting = this.#context.list('pods').some((pod) => textOf(fieldsOf(pod['spec'])['nodeName']) === '');
    if (!waiting) return;
    const snapshot = buildSnapshot(this.#objects(nowMs), 0);
    const fork = new ForkedSnapshot(snapshot);
    const ours = snapshot.pendingPods.filter((pod) => pod.schedulerName === 'default-scheduler');
    const named = placeNominated(fork, ours);
    const taken = new Set(named.map(({ pod }) => pod));
    const { placed, left } = simulatePendingPods(
      fork,
      ours.filter((pod) => !taken.has(pod)),
    );
    for (const { pod, node } of [...named, ...placed]) {
      const target = fork.nodeName(node);
      const name = { name: pod.name, namespace: pod.namespace };
      bindVolumes(this.#context, pod, target);
      bindPod(this.#context.api.parts.pods, name, target);
    }
    for (const pod of left) this.#markUnschedulable(pod, explainPod(snapshot, pod).summary);
  }

  #markUnschedulable(pod: PodObject, message: string): void {
    const stored = this.#context.get('pods', pod.name, pod.namespace);
    if (stored === undefined) return;
    const status = fieldsOf(stored['status']);
    const conditions = listOf(status['conditions']).map(fieldsOf);
    const before = conditions.find((condition) => condition['type'] === 'PodScheduled');
    if (before?.['message'] === message) return;
    const condition: Fields = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastTransitionTime: before?.['lastTransitionTime'] ?? `${new Date().toISOString().slice(0, 19)}Z`,
    };
    const others = conditions.filter((each) => each['type'] !== 'PodScheduled');
    this.#context.update('pods', { ...stored, status: { ...status, conditions: [...others, condition] } }, 'status');
  }

  #objects(nowMs: number): ClusterObjects {
    const context = this.#context;
    return {
      cluster: NO_CLUSTER,
      observedAtMs: nowMs,
      nodePools: [],
      claims: [],
      pods: context.list('pods').map((pod) => parsePod(pod, this.#interner)),
      nodes: context.list('nodes').map((node) => parseNode(asAnyTaint(node))),
      podDisruptionBudgets: context.list('poddisruptionbudgets').map(parsePodDisruptionBudget),
      daemonSets: context.list('daemonsets').map((set) => parseDaemonSet(set, this.#interner)),
      persistentVolumeClaims: context.list('persistentvolumeclaims').map(parsePersistentVolumeClaim),
      persistentVolumes: context.list('persistentvolumes').map(parsePersistentVolume),
      storageClasses: context.list('storageclasses').map(parseStorageClass),
      csiNodes: context.list('csinodes').map(parseCsiNode),
      csiDrivers: context.list('csidrivers').map(parseCsiDriver),
      csiStorageCapacities: context.list('csistoragecapacities').map(parseCsiStorageCapacity),
      deviceClasses: context.list('deviceclasses').map(parseDeviceClass),
      resourceClaims: context.list('resourceclaims').map(parseResourceClaim),
      resourceSlices: context.list('resourceslices').map(parseResourceSlice),
      volumeAttachments: context.list('volumeattachments').map(parseVolumeAttachment),
      namespaces: context.list('namespaces').map(parseNamespace),
      flavors: [],
      targets: { networkId: '', subnetId: undefined, images: [], zones: [], region: '' },
      quota: { serversLeft: 0, coresLeft: 0, memoryMiBLeft: 0 },
      prices: undefined,
      backoffs: [],
      frozen: undefined,
    };
  }
}

/** Pods go first to the node that is named in their status, if it takes them. */
function placeNominated(
  fork: ForkedSnapshot,
  pods: readonly PodObject[],
): readonly { readonly pod: PodObject; readonly node: number }[] {
  return pods.flatMap((pod) => {
    const node = fork.snapshot.nodeIndexByName.get(pod.nominatedNodeName);
    if (node === undefined || fork.whyNot(pod, node) !== undefined) return [];
    fork.place(pod, node);
    return [{ pod, node }];
  });
}

function asAnyTaint(node: KubeObject): KubeObject {
  const spec = fieldsOf(node['spec']);
  const taints = listOf(spec['taints'])
    .map(fieldsOf)
    .map((taint) => (taint['key'] === TAINTS.placing ? { ...taint, key: PLACING_AS_ANY_TAINT } : taint));
  return { ...node, spec: { ...spec, taints } };
}
