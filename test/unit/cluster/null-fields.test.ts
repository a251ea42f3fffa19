// Null is absent, as Go's JSON decoder reads it: each field of an object that has them all is set to null in turn, and must
// read like an object without it. An entry of a map, and an item of a list, that is null is an empty one.
import { describe, expect, test } from 'vitest';
import { ParseError } from '../../../src/cluster/parse-error.ts';
import { parseDeviceClass, parseResourceClaim, parseResourceSlice } from '../../../src/cluster/parse-devices.ts';
import { parseNode } from '../../../src/cluster/parse-node.ts';
import * as objects from '../../../src/cluster/parse-objects.ts';
import { parsePod } from '../../../src/cluster/parse-pod.ts';
import { parseCsiStorageCapacity, parseVolumeAttachment } from '../../../src/cluster/parse-storage-state.ts';
import { PodShapeInterner } from '../../../src/cluster/pod-shape-interner.ts';

type Json = string | number | boolean | null | readonly Json[] | JsonObject;
interface JsonObject {
  readonly [key: string]: Json;
}

const metadata: JsonObject = {
  name: 'x',
  namespace: 'shop',
  uid: 'u',
  resourceVersion: '1',
  generation: 2,
  creationTimestamp: '2026-01-01T00:00:00Z',
  deletionTimestamp: '2026-01-02T00:00:00Z',
  labels: { app: 'web' },
  annotations: {
    'sluice.dev/keep': 'yes',
    'pv.kubernetes.io/bind-completed': 'yes',
    'volume.beta.kubernetes.io/storage-class': 'fast',
  },
  finalizers: ['sluice.dev/node'],
  ownerReferences: [{ kind: 'ReplicaSet', name: 'web', uid: 'r', controller: true }],
};
const selector: JsonObject = {
  matchLabels: { app: 'web' },
  matchExpressions: [{ key: 'tier', operator: 'In', values: ['a', 'b'] }],
};
const nodeTerms: JsonObject = {
  nodeSelectorTerms: [
    {
      matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }],
      matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }],
    },
  ],
};
const podTerms: JsonObject = {
  requiredDuringSchedulingIgnoredDuringExecution: [
    { topologyKey: 'zone', labelSelector: selector, namespaces: ['a'], namespaceSelector: selector },
  ],
  preferredDuringSchedulingIgnoredDuringExecution: [
    { weight: 1, podAffinityTerm: { topologyKey: 'zone', labelSelector: selector } },
  ],
};
const container: JsonObject = {
  name: 'main',
  restartPolicy: 'Always',
  resources: { requests: { cpu: '100m', 'nvidia.com/gpu': '1' }, limits: { memory: '1Gi' } },
  ports: [{ containerPort: 80, hostPort: 80, hostIP: '10.0.0.1', protocol: 'UDP' }],
  volumeMounts: [{ name: 'data', mountPath: '/', bindMountOptions: ['nodev'] }],
  restartPolicyRules: [{ action: 'RestartAllContainers' }],
};
const podSpec: JsonObject = {
  nodeName: 'n1',
  schedulerName: 'default-scheduler',
  priority: 5,
  hostNetwork: true,
  hostUsers: false,
  schedulingGates: [{ name: 'wait' }],
  nodeSelector: { disk: 'ssd' },
  overhead: { cpu: '10m' },
  resources: { requests: { cpu: '1' } },
  tolerations: [{ key: 'k', operator: 'Equal', value: 'v', effect: 'NoSchedule', tolerationSeconds: 1 }],
  containers: [container],
  initContainers: [container],
  ephemeralContainers: [container],
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: nodeTerms },
    podAffinity: podTerms,
    podAntiAffinity: podTerms,
  },
  topologySpreadConstraints: [
    {
      topologyKey: 'zone',
      whenUnsatisfiable: 'DoNotSchedule',
      maxSkew: 1,
      minDomains: 2,
      labelSelector: selector,
      matchLabelKeys: ['app'],
      nodeAffinityPolicy: 'Ignore',
      nodeTaintsPolicy: 'Honor',
    },
  ],
  volumes: [
    { name: 'data', persistentVolumeClaim: { claimName: 'data', readOnly: true } },
    { name: 'scratch', ephemeral: { volumeClaimTemplate: {} } },
    { name: 'disk', rbd: { pool: 'p', image: 'i', monitors: ['m'], readOnly: true } },
    { name: 'local', emptyDir: {} },
  ],
};
const containerStatus: JsonObject = {
  name: 'main',
  allocatedResources: { cpu: '2' },
  resources: { requests: { cpu: '3' } },
};
const podStatus: JsonObject = {
  phase: 'Running',
  nominatedNodeName: 'n2',
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }],
  allocatedResources: { cpu: '4' },
  resources: { requests: { cpu: '5' } },
  containerStatuses: [containerStatus],
  initContainerStatuses: [containerStatus],
};
const volumeSpec: JsonObject = {
  capacity: { storage: '1Gi' },
  accessModes: ['ReadWriteOnce'],
  storageClassName: 'fast',
  volumeMode: 'Block',
  volumeAttributesClassName: 'gold',
  claimRef: { namespace: 'shop', name: 'data', uid: 'c' },
  nodeAffinity: { required: nodeTerms },
};

const counters: JsonObject = { memory: { value: '8Gi' } };
const deviceTaint: JsonObject = { key: 'k', value: 'v', effect: 'NoSchedule' };
const sliceSpec: JsonObject = {
  driver: 'gpu.example.com',
  pool: { name: 'p', generation: 3, resourceSliceCount: 1 },
  nodeName: 'n1',
  nodeSelector: nodeTerms,
  allNodes: true,
  perDeviceNodeSelection: true,
  sharedCounters: [{ name: 'c', counters }],
  devices: [
    {
      name: 'gpu-0',
      nodeName: 'n1',
      nodeSelector: nodeTerms,
      allNodes: true,
      attributes: { model: { string: 'a' }, cores: { int: 4 }, ecc: { bool: true }, driver: { version: '1.2.3' } },
      capacity: {
        memory: {
          value: '8Gi',
          requestPolicy: { default: '1Gi', validValues: ['1Gi'], validRange: { min: '1Gi', max: '8Gi', step: '1Gi' } },
        },
      },
      consumesCounters: [{ counterSet: 'c', counters }],
      taints: [deviceTaint],
      bindsToNode: true,
      bindingConditions: ['ready'],
      allowMultipleAllocations: true,
    },
  ],
};
const ask: JsonObject = {
  deviceClassName: 'gpu',
  selectors: [{ cel: { expression: 'true' } }],
  allocationMode: 'ExactCount',
  count: 2,
  adminAccess: true,
  tolerations: [{ ...deviceTaint, operator: 'Equal' }],
  capacity: { requests: { memory: '1Gi' } },
};
const claimSpec: JsonObject = {
  devices: {
    requests: [
      { name: 'r', exactly: ask },
      { name: 's', firstAvailable: [{ name: 't', ...ask }] },
    ],
    constraints: [{ requests: ['r'], matchAttribute: 'gpu.example.com/model' }],
  },
};
const claimStatus: JsonObject = {
  allocation: {
    devices: {
      results: [
        {
          request: 'r',
          driver: 'gpu.example.com',
          pool: 'p',
          device: 'gpu-0',
          adminAccess: true,
          shareID: 's',
          consumedCapacity: { memory: '1Gi' },
          bindingConditions: ['ready'],
          bindingFailureConditions: ['failed'],
        },
      ],
    },
    nodeSelector: nodeTerms,
    allocationTimestamp: '2026-01-01T00:00:00Z',
  },
  reservedFor: [{ resource: 'pods', name: 'x', uid: 'u' }],
  devices: [{ driver: 'gpu.example.com', pool: 'p', device: 'gpu-0', conditions: [{ type: 'ready', status: 'True' }] }],
};

const interner = new PodShapeInterner();
const samples: readonly {
  readonly kind: string;
  readonly parse: (raw: unknown) => unknown;
  readonly raw: JsonObject;
}[] = [
  { kind: 'Pod', parse: (raw) => parsePod(raw, interner), raw: { metadata, spec: podSpec, status: podStatus } },
  {
    kind: 'DaemonSet',
    parse: (raw) => objects.parseDaemonSet(raw, interner),
    raw: { metadata, spec: { template: { metadata, spec: podSpec } } },
  },
  {
    kind: 'Node',
    parse: parseNode,
    raw: {
      metadata,
      spec: {
        providerID: 'openstack:///1',
        unschedulable: true,
        taints: [{ key: 'k', value: 'v', effect: 'NoSchedule', timeAdded: '2026-01-01T00:00:00Z' }],
      },
      status: {
        allocatable: { cpu: '4', memory: '8Gi', pods: '110', 'nvidia.com/gpu': '1' },
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
        volumesAttached: [{ name: 'v' }],
        declaredFeatures: ['VolumeBindMountOptions'],
      },
    },
  },
  {
    kind: 'PodDisruptionBudget',
    parse: objects.parsePodDisruptionBudget,
    raw: { metadata, spec: { selector }, status: { observedGeneration: 2, disruptionsAllowed: 1 } },
  },
  {
    kind: 'PersistentVolumeClaim',
    parse: objects.parsePersistentVolumeClaim,
    raw: {
      metadata,
      spec: {
        volumeName: 'v',
        storageClassName: 'fast',
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
        selector,
        volumeMode: 'Block',
        volumeAttributesClassName: 'gold',
      },
      status: { phase: 'Lost' },
    },
  },
  {
    kind: 'PersistentVolume',
    parse: objects.parsePersistentVolume,
    raw: { metadata, spec: { ...volumeSpec, csi: { driver: 'd', volumeHandle: 'h' } }, status: { phase: 'Bound' } },
  },
  {
    kind: 'PersistentVolume of an in-tree plugin',
    parse: objects.parsePersistentVolume,
    raw: { metadata, spec: { ...volumeSpec, cinder: { volumeID: 'v' } }, status: { phase: 'Bound' } },
  },
  {
    kind: 'StorageClass',
    parse: objects.parseStorageClass,
    raw: {
      metadata,
      provisioner: 'd',
      volumeBindingMode: 'WaitForFirstConsumer',
      allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: ['a'] }] }],
    },
  },
  {
    kind: 'CSINode',
    parse: objects.parseCsiNode,
    raw: { metadata, spec: { drivers: [{ name: 'd', nodeID: 'n', allocatable: { count: 5 } }] } },
  },
  {
    kind: 'CSIDriver',
    parse: objects.parseCsiDriver,
    raw: { metadata, spec: { storageCapacity: true, preventPodSchedulingIfMissing: true } },
  },
  {
    kind: 'CSIStorageCapacity',
    parse: parseCsiStorageCapacity,
    raw: { metadata, storageClassName: 'fast', nodeTopology: selector, capacity: '2Gi', maximumVolumeSize: '1Gi' },
  },
  {
    kind: 'VolumeAttachment',
    parse: parseVolumeAttachment,
    raw: { metadata, spec: { attacher: 'd', nodeName: 'n1', source: { persistentVolumeName: 'v' } } },
  },
  {
    kind: 'DeviceClass',
    parse: parseDeviceClass,
    raw: { metadata, spec: { selectors: [{ cel: { expression: 'true' } }], extendedResourceName: 'x/gpu' } },
  },
  { kind: 'ResourceSlice', parse: parseResourceSlice, raw: { metadata, spec: sliceSpec } },
  { kind: 'ResourceClaim', parse: parseResourceClaim, raw: { metadata, spec: claimSpec, status: claimStatus } },
  { kind: 'Namespace', parse: objects.parseNamespace, raw: { metadata } },
];

const TEXT_MAPS = new Set(['labels', 'annotations', 'matchLabels', 'nodeSelector']);
const OBJECT_MAPS = new Set(['attributes', 'counters', 'capacity']);
const AMOUNT_MAPS = new Set([
  'requests',
  'limits',
  'allocatable',
  'capacity',
  'overhead',
  'allocatedResources',
  'consumedCapacity',
]);

/** Without these it is no object of the API, whatever the place says. */
const REQUIRED = new Set(['metadata', 'spec', 'spec.template', 'spec.template.spec']);

type Path = readonly string[];

function pathsOf(value: Json, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, item]: [string, Json]) => pathsOf(item, [...path, key]))];
}

/** A copy with the value at the path replaced; undefined takes the field away. */
function withValue(value: Json, path: Path, put: Json | undefined): Json {
  const [key = '', ...rest] = path;
  const list = Array.isArray(value);
  const entries = Object.entries(value as JsonObject).flatMap(([name, item]: [string, Json]): [string, Json][] => {
    if (name !== key) return [[name, item]];
    if (rest.length > 0) return [[name, withValue(item, rest, put)]];
    return put === undefined ? [] : [[name, put]];
  });
  return list ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

/** What null at this place stands for; undefined: nothing. */
function meaning(raw: Json, path: Path): Json | undefined {
  const above = path.at(-2) ?? '';
  const at = (place: Path): Json => place.reduce<Json>((value, key) => (value as JsonObject)[key] ?? null, raw);
  const before = at(path);
  if (above === 'validValues') return '0';
  if (Array.isArray(at(path.slice(0, -1)))) return typeof before === 'string' ? '' : {};
  if (OBJECT_MAPS.has(above) && typeof before === 'object') return {};
  if (TEXT_MAPS.has(above) && typeof before === 'string') return '';
  return AMOUNT_MAPS.has(above) && typeof before === 'string' ? '0' : undefined;
}

function outcome(parse: (raw: unknown) => unknown, raw: unknown): unknown {
  try {
    return parse(raw);
  } catch (error) {
    if (error instanceof ParseError) return error.message;
    throw error;
  }
}

describe.each(samples)('$kind', ({ parse, raw }) => {
  test('as it stands can be read', () => {
    expect(() => parse(raw)).not.toThrow();
  });

  test.each(pathsOf(raw).filter((path) => path.length > 0))('%s', (...path) => {
    const withNull = outcome(parse, withValue(raw, path, null));
    expect(withNull).toEqual(outcome(parse, withValue(raw, path, meaning(raw, path))));
    expect(typeof withNull === 'string' ? path : []).toSatisfy(
      (at: Path) => at.length === 0 || REQUIRED.has(at.join('.')),
    );
  });
});
