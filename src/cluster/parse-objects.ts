// The smaller objects of a workload cluster, cut down to what decisions read. Untrusted: bounded by fields.ts.
// Each function throws a ParseError that names the field.
import type {
  CsiDriverObject,
  CsiNodeObject,
  DaemonSetObject,
  NamespaceObject,
  NodeSelectorTerm,
  PersistentVolumeClaimObject,
  PersistentVolumeObject,
  PodDisruptionBudgetObject,
  StorageClassObject,
  Toleration,
} from './cluster-objects.ts';
import { openObject } from './fields.ts';
import { inTreeVolume } from './in-tree-volumes.ts';
import { parseController, parsePodShape } from './parse-pod.ts';
import { parseLabelSelector, parseNodeSelector } from './parse-selectors.ts';
import type { PodShapeInterner } from './pod-shape-interner.ts';
import { NO_AMOUNT, toUnits } from './quantity.ts';

const BIND_COMPLETED_ANNOTATION = 'pv.kubernetes.io/bind-completed';
const SELECTED_NODE_ANNOTATION = 'volume.kubernetes.io/selected-node';
/** Older than the field, and still read before it. */
const STORAGE_CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
/** On a CSINode: in-tree plugins, separated by commas. */
const MIGRATED_PLUGINS_ANNOTATION = 'storage.alpha.kubernetes.io/migrated-plugins';

/** What the DaemonSet controller adds to each of its pods (pkg/controller/daemon/util, v1.37). */
const DAEMON_TOLERATIONS: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', value: '', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', value: '', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', value: '', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', value: '', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', value: '', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', value: '', effect: 'NoSchedule' },
];
const DAEMON_HOST_NETWORK_TOLERATION: Toleration = {
  key: 'node.kubernetes.io/network-unavailable',
  operator: 'Exists',
  value: '',
  effect: 'NoSchedule',
};

/** Reads a policy/v1 PodDisruptionBudget. A status older than the spec allows nothing, as in the Eviction API. */
export function parsePodDisruptionBudget(raw: unknown): PodDisruptionBudgetObject {
  const { object, metadata, identity } = openObject('PodDisruptionBudget', raw);
  const status = object.object('status');
  const stale = (status?.integer('observedGeneration') ?? 0) < (metadata.integer('generation') ?? 0);
  const spec = object.object('spec');
  return {
    ...identity,
    namespace: metadata.text('namespace'),
    selector: spec && parseLabelSelector(spec, 'selector'),
    disruptionsAllowed: stale ? 0 : (status?.integer('disruptionsAllowed') ?? 0),
  };
}

/** Reads an apps/v1 DaemonSet: the shape of the pod that it would run, with the tolerations that its controller adds. */
export function parseDaemonSet(raw: unknown, interner: PodShapeInterner): DaemonSetObject {
  const { object, metadata, identity } = openObject('DaemonSet', raw);
  const template = object.object('spec')?.object('template');
  const spec = template?.object('spec');
  if (template === undefined || spec === undefined) throw object.error('spec.template.spec', 'be set');
  const namespace = metadata.text('namespace');
  const tolerations = spec.boolean('hostNetwork')
    ? [...DAEMON_TOLERATIONS, DAEMON_HOST_NETWORK_TOLERATION]
    : DAEMON_TOLERATIONS;
  const shape = parsePodShape(
    {
      metadata: template.object('metadata'),
      spec,
      status: undefined,
      namespace,
      podName: identity.name,
      template: true,
      tolerations,
    },
    interner,
  );
  return { ...identity, namespace, shape };
}

/** Reads a v1 PersistentVolumeClaim. Bound means that binding was completed, which is what the scheduler reads. */
export function parsePersistentVolumeClaim(raw: unknown): PersistentVolumeClaimObject {
  const { object, metadata, identity } = openObject('PersistentVolumeClaim', raw);
  const spec = object.object('spec');
  const volumeName = spec?.text('volumeName') ?? '';
  const storage = spec?.object('resources')?.quantities('requests').get('storage');
  const selector = spec && parseLabelSelector(spec, 'selector');
  const volumeMode = spec?.optionalText('volumeMode');
  const attributesClass = spec?.optionalText('volumeAttributesClassName');
  const controllerUid = parseController(metadata)?.uid;
  return {
    ...identity,
    namespace: metadata.text('namespace'),
    ...(object.object('status')?.text('phase') === 'Lost' ? { lost: true } : {}),
    ...(selector === undefined ? {} : { selector }),
    ...(volumeMode === undefined ? {} : { volumeMode }),
    ...(attributesClass === undefined ? {} : { attributesClass }),
    ...(controllerUid === undefined ? {} : { controllerUid }),
    ...(storage === undefined ? {} : { sized: true }),
    volumeName,
    bound: volumeName !== '' && metadata.entry('annotations', BIND_COMPLETED_ANNOTATION) !== undefined,
    storageClass: metadata.entry('annotations', STORAGE_CLASS_ANNOTATION) ?? spec?.text('storageClassName') ?? '',
    requestBytes: Number(toUnits(storage ?? NO_AMOUNT)),
    accessModes: spec?.texts('accessModes') ?? [],
    selectedNode: metadata.entry('annotations', SELECTED_NODE_ANNOTATION) ?? '',
    deleting: metadata.has('deletionTimestamp'),
  };
}

/** Reads a v1 PersistentVolume. In-tree volumes of clouds are counted as those of their CSI driver. */
export function parsePersistentVolume(raw: unknown): PersistentVolumeObject {
  const { object, metadata, identity } = openObject('PersistentVolume', raw);
  const spec = object.object('spec');
  const claim = spec?.object('claimRef');
  const capacity = spec?.quantities('capacity').get('storage') ?? NO_AMOUNT;
  const labels = metadata.textMap('labels');
  const csi = spec?.object('csi');
  const inTree = spec === undefined || csi !== undefined ? undefined : inTreeVolume(spec, labels);
  const claimUid = claim?.text('uid') ?? '';
  const handle = csi?.text('volumeHandle') ?? inTree?.handle;
  const volumeMode = spec?.optionalText('volumeMode');
  const attributesClass = spec?.optionalText('volumeAttributesClassName');
  return {
    ...identity,
    labels,
    ...(handle === undefined ? {} : { csiHandle: handle }),
    ...(inTree === undefined ? {} : { inTree: inTree.plugin }),
    ...(claimUid === '' ? {} : { claimUid }),
    ...(volumeMode === undefined ? {} : { volumeMode }),
    ...(attributesClass === undefined ? {} : { attributesClass }),
    ...(metadata.has('deletionTimestamp') ? { deleting: true } : {}),
    nodeAffinity: parseNodeSelector(spec?.object('nodeAffinity'), 'required'),
    csiDriver: csi?.text('driver') ?? inTree?.driver ?? '',
    storageClass: metadata.entry('annotations', STORAGE_CLASS_ANNOTATION) ?? spec?.text('storageClassName') ?? '',
    capacityBytes: Number(toUnits(capacity)),
    accessModes: spec?.texts('accessModes') ?? [],
    claimNamespace: claim?.text('namespace') ?? '',
    claimName: claim?.text('name') ?? '',
    phase: object.object('status')?.text('phase') ?? '',
  };
}

/** Reads a storage.k8s.io/v1 StorageClass. */
export function parseStorageClass(raw: unknown): StorageClassObject {
  const { object, identity } = openObject('StorageClass', raw);
  const topologies = object.objects('allowedTopologies').map(
    (term): NodeSelectorTerm => ({
      expressions: term.objects('matchLabelExpressions').map((expression) => ({
        key: expression.text('key'),
        operator: 'In',
        values: expression.texts('values'),
      })),
      fields: [],
    }),
  );
  return {
    ...identity,
    provisioner: object.text('provisioner'),
    waitForFirstConsumer: object.text('volumeBindingMode') === 'WaitForFirstConsumer',
    ...(object.has('volumeBindingMode') ? {} : { modeMissing: true }),
    allowedTopologies: topologies.length === 0 ? undefined : topologies,
  };
}

/** Reads a storage.k8s.io/v1 CSINode: its drivers, and how many volumes of each the node takes. */
export function parseCsiNode(raw: unknown): CsiNodeObject {
  const { object, metadata, identity } = openObject('CSINode', raw);
  const limits = new Map<string, number>();
  const drivers = new Set<string>();
  for (const driver of object.object('spec')?.objects('drivers') ?? []) {
    drivers.add(driver.text('name'));
    const count = driver.object('allocatable')?.integer('count');
    if (count !== undefined) limits.set(driver.text('name'), count);
  }
  const plugins = metadata.entry('annotations', MIGRATED_PLUGINS_ANNOTATION) ?? '';
  const migrated = new Set(plugins === '' ? [] : plugins.split(','));
  return { ...identity, limits, drivers, ...(migrated.size === 0 ? {} : { migrated }) };
}

/** Reads a storage.k8s.io/v1 CSIDriver. */
export function parseCsiDriver(raw: unknown): CsiDriverObject {
  const { object, identity } = openObject('CSIDriver', raw);
  const spec = object.object('spec');
  return {
    ...identity,
    storageCapacity: spec?.boolean('storageCapacity') ?? false,
    requiredOnNode: spec?.boolean('preventPodSchedulingIfMissing') ?? false,
  };
}

/** Reads a v1 Namespace. */
export function parseNamespace(raw: unknown): NamespaceObject {
  const { metadata, identity } = openObject('Namespace', raw);
  return { ...identity, labels: metadata.textMap('labels') };
}
