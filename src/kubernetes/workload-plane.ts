// One workload cluster's API as the WorkloadPlane port: wires stores, requests and events of one connection. What is
// decided is decided elsewhere; here is only how it is said to Kubernetes. Methods reject with PortError alone.
import { FIELD_MANAGERS, FINALIZERS, GROUP_VERSION } from '../api/names.ts';
import type { NodePool } from '../api/node-pool.ts';
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
  VolumeAttachmentObject,
} from '../cluster/cluster-objects.ts';
import type { DeviceClassObject, ResourceClaimObject, ResourceSliceObject } from '../cluster/device-objects.ts';
import type { Clock, Random, Telemetry, TelemetryLabels, WorkloadPlane, WorkloadStores } from '../controllers/ports.ts';
import { ApiError } from './api-error.ts';
import { applyObject, getObject, listObjects, mergePatch, parseAnswer, setFinalizer } from './api-requests.ts';
import { createBootstrapToken, deleteBootstrapToken } from './bootstrap-token.ts';
import { EventRecorder } from './event-recorder.ts';
import type { KubernetesEndpoint } from './kubeconfig.ts';
import { liftTaint } from './lift-taint.ts';
import { assertionPatch, cordonPatch, uncordonPatch } from './node-patch.ts';
import type { KnownLines } from './listed-lines.ts';
import { ensureDefinition } from './node-pool-definition.ts';
import { deleteNode, patchNode } from './node-writes.ts';
import { PlaneStores } from './plane-stores.ts';
import { nominateNode } from './pod-nomination.ts';
import { deletePod, evictPod } from './pod-removal.ts';
import { field, textAt } from './raw-fields.ts';
import { RESOURCES } from './resource-path.ts';
import type { OpenLineReader } from './streamed-list.ts';
import { Transport } from './transport.ts';

/** Cut raw objects down to what is kept; they throw for what does not fit. */
export interface WorkloadParsers {
  nodePool(raw: unknown): NodePool;
  pod(raw: unknown): PodObject;
  /** Opens what reads pods of a long list beside the event loop, exactly as `pod` does. Absent: all are read here. */
  readonly openPodReader?: OpenLineReader<PodObject>;
  /** Knows lines of one list of pods again, and says of them what `pod` does. Absent: all are parsed. */
  readonly knownPodLines?: () => KnownLines<PodObject>;
  node(raw: unknown): NodeObject;
  podDisruptionBudget(raw: unknown): PodDisruptionBudgetObject;
  daemonSet(raw: unknown): DaemonSetObject;
  persistentVolumeClaim(raw: unknown): PersistentVolumeClaimObject;
  persistentVolume(raw: unknown): PersistentVolumeObject;
  storageClass(raw: unknown): StorageClassObject;
  csiNode(raw: unknown): CsiNodeObject;
  csiDriver(raw: unknown): CsiDriverObject;
  csiStorageCapacity(raw: unknown): CsiStorageCapacityObject;
  volumeAttachment(raw: unknown): VolumeAttachmentObject;
  deviceClass(raw: unknown): DeviceClassObject;
  resourceClaim(raw: unknown): ResourceClaimObject;
  resourceSlice(raw: unknown): ResourceSliceObject;
  namespace(raw: unknown): NamespaceObject;
}

/** The probe of the path to a control plane must not take longer than the next probe. */
const VERSION_TIMEOUT_MS = 5_000;

/** Kinds that came with Kubernetes 1.24 (CSIStorageCapacity) and 1.34 (dynamic resource allocation). */
const OPTIONAL = { optional: true } as const;

/** Opens the connection; nothing is sent before the first call. `labels.cluster` is the metric label. */
export function openWorkloadPlane(
  endpoint: KubernetesEndpoint,
  deps: {
    readonly parsers: WorkloadParsers;
    readonly nodePoolDefinition: Readonly<Record<string, unknown>>;
    readonly clock: Clock;
    readonly random: Random;
    readonly telemetry: Telemetry;
    readonly identity: string;
    readonly labels: TelemetryLabels;
  },
): WorkloadPlane {
  const { parsers, clock, random, telemetry, identity } = deps;
  const cluster = deps.labels['cluster'] ?? '';
  const transport = new Transport(endpoint, clock);
  const watches = new PlaneStores({ transport, cluster, clock, random, telemetry });
  const events = new EventRecorder({ transport, clock, random, telemetry, cluster, identity });
  return {
    stores: workloadStores(watches, parsers),
    apiEndpoint: endpoint.server,
    caCertificate: endpoint.caPem ?? '',
    start: () => {
      watches.start();
    },
    close: async () => {
      await Promise.all([events.close(), watches.close(), transport.close()]);
    },
    serverVersion: async () => await serverVersion(transport),
    ensureNodePoolDefinition: async () =>
      await ensureDefinition(transport, { definition: deps.nodePoolDefinition, clock }),
    recordEvent: (event) => {
      events.record(event);
    },
    ...nodePoolRequests(transport, parsers),
    ...nodeRequests(transport, parsers),
    ...podRequests(transport, parsers),
  };
}

function workloadStores(watches: PlaneStores, parsers: WorkloadParsers): WorkloadStores {
  return {
    nodePools: watches.add(RESOURCES.nodePools, (raw) => parsers.nodePool(raw)),
    pods: watches.add(RESOURCES.pods, (raw) => parsers.pod(raw), {
      openReader: parsers.openPodReader,
      knownLines: parsers.knownPodLines,
    }),
    nodes: watches.add(RESOURCES.nodes, (raw) => parsers.node(raw)),
    podDisruptionBudgets: watches.add(RESOURCES.podDisruptionBudgets, (raw) => parsers.podDisruptionBudget(raw)),
    daemonSets: watches.add(RESOURCES.daemonSets, (raw) => parsers.daemonSet(raw)),
    persistentVolumeClaims: watches.add(RESOURCES.persistentVolumeClaims, (raw) => parsers.persistentVolumeClaim(raw)),
    persistentVolumes: watches.add(RESOURCES.persistentVolumes, (raw) => parsers.persistentVolume(raw)),
    storageClasses: watches.add(RESOURCES.storageClasses, (raw) => parsers.storageClass(raw)),
    csiNodes: watches.add(RESOURCES.csiNodes, (raw) => parsers.csiNode(raw)),
    csiDrivers: watches.add(RESOURCES.csiDrivers, (raw) => parsers.csiDriver(raw)),
    csiStorageCapacities: watches.add(
      RESOURCES.csiStorageCapacities,
      (raw) => parsers.csiStorageCapacity(raw),
      OPTIONAL,
    ),
    volumeAttachments: watches.add(RESOURCES.volumeAttachments, (raw) => parsers.volumeAttachment(raw)),
    deviceClasses: watches.add(RESOURCES.deviceClasses, (raw) => parsers.deviceClass(raw), OPTIONAL),
    resourceClaims: watches.add(RESOURCES.resourceClaims, (raw) => parsers.resourceClaim(raw), OPTIONAL),
    resourceSlices: watches.add(RESOURCES.resourceSlices, (raw) => parsers.resourceSlice(raw), OPTIONAL),
    namespaces: watches.add(RESOURCES.namespaces, (raw) => parsers.namespace(raw)),
  };
}

function nodePoolRequests(
  transport: Transport,
  parsers: WorkloadParsers,
): Pick<WorkloadPlane, 'getNodePool' | 'setDesiredNodes' | 'applyNodePoolStatus' | 'setNodePoolFinalizer'> {
  const at = (name: string) => ({ resource: RESOURCES.nodePools, name });
  return {
    getNodePool: async (name) => {
      const raw = await getObject(transport, at(name));
      return raw === undefined ? undefined : parseAnswer(raw, (each) => parsers.nodePool(each));
    },
    setDesiredNodes: async ({ metadata: { name, uid, resourceVersion } }, desiredNodes) => {
      const body = { metadata: { uid, resourceVersion }, spec: { desiredNodes } };
      await mergePatch(transport, at(name), { body, manager: FIELD_MANAGERS.autoscaler });
    },
    applyNodePoolStatus: async ({ metadata: { name } }, status) => {
      // A uid would not be checked here (tried on 1.37): a new pool of the same name may show this until its own comes.
      const body = { apiVersion: GROUP_VERSION, kind: 'NodePool', metadata: { name }, status };
      await applyObject(transport, { ...at(name), subresource: 'status' }, { body, manager: FIELD_MANAGERS.status });
    },
    setNodePoolFinalizer: async ({ metadata }, present) => {
      const wish = { metadata, finalizer: FINALIZERS.nodePool, present, manager: FIELD_MANAGERS.status };
      await setFinalizer(transport, at(metadata.name), wish);
    },
  };
}

function nodeRequests(
  transport: Transport,
  parsers: WorkloadParsers,
): Pick<WorkloadPlane, 'getNode' | 'assertNode' | 'cordonNode' | 'uncordonNode' | 'liftTaint' | 'deleteNode'> {
  return {
    getNode: async (name) => {
      const raw = await getObject(transport, { resource: RESOURCES.nodes, name });
      return raw === undefined ? undefined : parseAnswer(raw, (each) => parsers.node(each));
    },
    assertNode: async (node, assertion) => {
      await patchNode(transport, node, (raw) => assertionPatch(raw, assertion));
    },
    cordonNode: async (node, taint) => {
      await patchNode(transport, node, (raw) => cordonPatch(raw, taint));
    },
    uncordonNode: async (node, taint) => {
      await patchNode(transport, node, (raw) => uncordonPatch(raw, taint));
    },
    liftTaint: async (node, taint) => {
      await liftTaint(transport, node, taint);
    },
    deleteNode: async (node) => {
      await deleteNode(transport, node);
    },
  };
}

function podRequests(
  transport: Transport,
  parsers: WorkloadParsers,
): Pick<
  WorkloadPlane,
  | 'listPodsOnNode'
  | 'evictPod'
  | 'deletePod'
  | 'nominateNode'
  | 'listVolumeAttachments'
  | 'createBootstrapToken'
  | 'deleteBootstrapToken'
> {
  return {
    listPodsOnNode: async (nodeName) => {
      const fieldSelector = `spec.nodeName=${nodeName}`;
      const found = await listObjects(transport, { resource: RESOURCES.pods, fieldSelector });
      // One that cannot be read is an error: a pod that is left out would count as gone.
      return found.map((raw) => parseAnswer(raw, (each) => parsers.pod(each)));
    },
    evictPod: async (pod) => await evictPod(transport, pod),
    deletePod: async (pod) => {
      await deletePod(transport, pod);
    },
    nominateNode: async (pod, nodeName) => {
      await nominateNode(transport, pod, nodeName);
    },
    listVolumeAttachments: async (nodeName) => {
      const found = await listObjects(transport, { resource: RESOURCES.volumeAttachments });
      return found
        .filter((raw) => textAt(raw, 'spec', 'nodeName') === nodeName)
        .filter((raw) => field(field(raw, 'status'), 'attached') === true)
        .map((raw) => textAt(raw, 'metadata', 'name') ?? '');
    },
    createBootstrapToken: async (token) => {
      await createBootstrapToken(transport, token);
    },
    deleteBootstrapToken: async (id) => {
      await deleteBootstrapToken(transport, id);
    },
  };
}

async function serverVersion(transport: Transport): Promise<string> {
  const body = await transport.request({ method: 'GET', path: '/version', timeoutMs: VERSION_TIMEOUT_MS });
  const version = textAt(body, 'gitVersion');
  if (version === undefined) {
    throw new ApiError('unavailable', 'Cannot GET /version as the answer must hold gitVersion', { fault: 'broken' });
  }
  return version.slice(0, 64);
}
