// Volumes: disks written in the pod, claims in every state, their volumes, classes and drivers, and how many a node takes.
import {
  type Draft,
  HOSTNAME,
  type Json,
  type JsonObject,
  mapOf,
  type ObjectDraft,
  type PodDraft,
  REGION,
  ZONE,
  ZONES,
} from './draft.ts';
import { randomTerm } from './node-themes.ts';
import type { Random } from './random.ts';

const DRIVERS = ['cinder.csi.openstack.org', 'ebs.csi.aws.com', 'disk.example.com'];
const IN_TREE = ['kubernetes.io/cinder', 'kubernetes.io/aws-ebs', 'kubernetes.io/gce-pd', 'kubernetes.io/azure-disk'];
const SIZES = ['1Gi', '2Gi', '5Gi', '10Gi', '1G', '500m'];
const CLASSES = ['late', 'late-static', 'now', 'late-zoned', 'late-capacity'];
/** Mostly those that let the nodes decide. */
const LATE_OR_NOW = [
  ...Array<string[]>(4)
    .fill(CLASSES.filter((name) => name !== 'now'))
    .flat(),
  'now',
];
const ZONE_LABELS = [
  ZONE,
  REGION,
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
];

/** Disks named in the pod itself: VolumeRestrictions, and NodeVolumeLimits where they migrate to CSI. */
function inlineDisk(random: Random): JsonObject {
  const readOnly = random.maybe(0.6, () => random.chance(0.6));
  return random.pick<() => JsonObject>([
    () => ({ gcePersistentDisk: { pdName: random.pick(['d1', 'd2']), readOnly } }),
    () => ({ awsElasticBlockStore: { volumeID: random.pick(['vol-1', 'vol-2', 'aws://zone-1/vol-1']), readOnly } }),
    () => ({
      iscsi: {
        targetPortal: random.pick(['1.1.1.1', '2.2.2.2']),
        iqn: random.pick(['iqn1', 'iqn2']),
        lun: random.between(0, 1),
        readOnly,
      },
    }),
    () => ({
      rbd: {
        monitors: random.some(['m1', 'm2', 'm3'], 0.6),
        image: random.pick(['img1', 'img2']),
        pool: random.pick(['rbd', 'other']),
        readOnly,
      },
    }),
    () => ({ azureDisk: { diskName: 'd1', diskURI: random.pick(['/subscriptions/d1', '/subscriptions/d2']) } }),
    () => ({ cinder: { volumeID: random.pick(['vol-1', 'vol-2']) } }),
    () => ({ emptyDir: {} }),
    () => ({ csi: { driver: random.pick(DRIVERS) } }),
  ])();
}

function mount(pod: PodDraft, volume: JsonObject): void {
  pod.spec.volumes.push({ name: `v${pod.spec.volumes.length}`, ...volume });
}

export function inlineDisks(draft: Draft, random: Random): void {
  for (const pod of draft.pods) if (random.chance(0.6)) mount(pod, inlineDisk(random));
  for (let left = random.between(1, 3); left > 0; left -= 1) mount(draft.pod, inlineDisk(random));
}

/** A claim that is held by one pod only, wherever that pod is. */
export function readWriteOncePod(draft: Draft, random: Random): void {
  const claim = { persistentVolumeClaim: { claimName: 'once' } };
  const { namespace } = draft.pod.metadata;
  addBoundClaim(draft, random, {
    namespace,
    name: 'once',
    accessModes: [random.chance(0.85) ? 'ReadWriteOncePod' : 'ReadWriteOnce'],
  });
  mount(draft.pod, claim);
  for (const pod of draft.pods) {
    if (random.chance(0.12)) mount(pod, claim);
    else if (random.chance(0.05)) mount(pod, { ephemeral: { volumeClaimTemplate: {} } });
  }
}

interface BoundClaim {
  readonly namespace: string;
  readonly name: string;
  readonly accessModes?: Json[];
  readonly volume?: JsonObject;
  readonly labels?: JsonObject;
}

/** A claim bound to a volume of its own, with what a volume may carry. */
function addBoundClaim(draft: Draft, random: Random, claim: BoundClaim): void {
  const volumeName = `pv-${claim.namespace}-${claim.name}`;
  const accessModes = claim.accessModes ?? ['ReadWriteOnce'];
  draft.persistentVolumeClaims.push({
    metadata: {
      name: claim.name,
      namespace: claim.namespace,
      uid: `uid-${claim.namespace}-${claim.name}`,
      annotations: { 'pv.kubernetes.io/bind-completed': 'yes' },
    },
    spec: {
      volumeName,
      accessModes,
      storageClassName: random.pick(CLASSES),
      resources: { requests: { storage: '1Gi' } },
    },
    status: { phase: random.chance(0.97) ? 'Bound' : 'Pending' },
  });
  draft.persistentVolumes.push({
    metadata: { name: volumeName, labels: claim.labels ?? {} },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes,
      ...(claim.volume ?? { csi: { driver: random.pick(DRIVERS), volumeHandle: volumeName } }),
    },
    status: { phase: 'Bound' },
  });
}

export function volumeZones(draft: Draft, random: Random): void {
  const { namespace } = draft.pod.metadata;
  const zones = [...ZONES, 'zone-1__zone-2', 'zone-1__ zone-3', 'zone-2__', '', 'region-1', 'region-2', '__'];
  for (const node of draft.nodes) {
    for (const key of random.some(ZONE_LABELS, 0.15)) node.metadata.labels[key] = random.pick(zones);
    if (random.chance(0.1)) for (const key of ZONE_LABELS) delete node.metadata.labels[key];
  }
  for (let index = random.between(1, 2); index > 0; index -= 1) {
    const labels: [string, Json][] = random.some(ZONE_LABELS, 0.4).map((key) => [key, random.pick(zones)]);
    addBoundClaim(draft, random, { namespace, name: `zoned-${index}`, labels: mapOf(labels) });
    mount(draft.pod, { persistentVolumeClaim: { claimName: `zoned-${index}` } });
  }
  if (random.chance(0.05)) draft.persistentVolumes.pop();
}

function addClasses(draft: Draft, random: Random): void {
  const wait = 'WaitForFirstConsumer';
  draft.storageClasses.push(
    { metadata: { name: 'late' }, provisioner: random.pick(DRIVERS), volumeBindingMode: wait },
    {
      metadata: { name: 'late-static' },
      provisioner: random.pick(['kubernetes.io/no-provisioner', '']),
      volumeBindingMode: wait,
    },
    {
      metadata: { name: 'now' },
      provisioner: random.pick(DRIVERS),
      volumeBindingMode: random.chance(0.97) ? 'Immediate' : undefined,
    },
    {
      metadata: { name: 'late-zoned' },
      provisioner: random.pick([...DRIVERS, ...IN_TREE]),
      volumeBindingMode: wait,
      allowedTopologies: Array.from({ length: random.between(0, 2) }, () => ({
        matchLabelExpressions: Array.from({ length: random.pick([0, 1, 1, 2]) }, () => ({
          key: random.pick([ZONE, ZONE, REGION, HOSTNAME, 'failure-domain.beta.kubernetes.io/zone']),
          values: random.picks([...ZONES, 'region-1', 'node-a'], random.between(1, 3)),
        })),
      })),
    },
    { metadata: { name: 'late-capacity' }, provisioner: 'disk.example.com', volumeBindingMode: wait },
  );
  if (random.chance(0.3)) {
    draft.csiDrivers.push({ metadata: { name: 'disk.example.com' }, spec: { storageCapacity: random.chance(0.7) } });
    addCapacities(draft, random);
  }
}

/** What is left of the storage of a driver that tracks it, for some classes and parts of the cluster. */
function addCapacities(draft: Draft, random: Random): void {
  for (let index = random.between(0, 5); index > 0; index -= 1) {
    draft.csiStorageCapacities.push({
      metadata: { name: `capacity-${index}`, namespace: 'kube-system' },
      storageClassName: random.pick(['late-capacity', 'late-capacity', 'late', 'late-zoned', 'now']),
      nodeTopology: random.maybe(0.92, () => capacityTopology(random)),
      capacity: random.maybe(0.92, () => random.pick([...SIZES, '0', '100Gi'])),
      maximumVolumeSize: random.maybe(0.25, () => random.pick([...SIZES, '0', '100Gi'])),
    });
  }
}

function capacityTopology(random: Random): JsonObject {
  const key = random.pick([ZONE, ZONE, HOSTNAME, REGION]);
  const values = random.picks([...ZONES, 'node-a', 'node-b', 'region-1'], random.pick([1, 2, 3]));
  return random.pick<() => JsonObject>([
    () => ({}),
    () => ({ matchLabels: { [key]: values[0] } }),
    () => ({ matchLabels: { [ZONE]: random.pick(ZONES), [REGION]: 'region-1' } }),
    () => ({ matchExpressions: [{ key, operator: random.pick(['In', 'In', 'NotIn']), values }] }),
    () => ({ matchExpressions: [{ key, operator: random.pick(['Exists', 'DoesNotExist', 'Odd', 'In']) }] }),
  ])();
}

function claimOf(draft: Draft, random: Random, name: string): ObjectDraft {
  const annotations: [string, Json][] = [];
  const bound = random.chance(0.25);
  if (bound ? random.chance(0.95) : random.chance(0.05)) annotations.push(['pv.kubernetes.io/bind-completed', 'yes']);
  if (random.chance(0.06)) annotations.push(['volume.beta.kubernetes.io/storage-class', random.pick([...CLASSES, ''])]);
  if (random.chance(0.12))
    annotations.push(['volume.kubernetes.io/selected-node', random.pick(['node-a', 'node-b', 'gone'])]);
  return {
    metadata: {
      name,
      namespace: draft.pod.metadata.namespace,
      uid: `uid-${name}`,
      annotations: mapOf(annotations),
      deletionTimestamp: random.maybe(0.03, () => '2026-01-01T00:00:00Z'),
      ownerReferences: undefined,
    },
    spec: {
      storageClassName: random.maybe(0.95, () =>
        random.chance(0.93) ? random.pick(LATE_OR_NOW) : random.pick(['unknown', '']),
      ),
      volumeName: bound ? `pv-${random.between(0, 5)}` : undefined,
      accessModes: random.pick([
        ['ReadWriteOnce'],
        ['ReadWriteOnce'],
        ['ReadOnlyMany'],
        ['ReadWriteOnce', 'ReadWriteMany'],
        ['ReadWriteOncePod'],
      ]),
      resources: { requests: random.chance(0.92) ? { storage: random.pick(SIZES) } : {} },
      volumeMode: random.maybe(0.3, () => random.pick(['Filesystem', 'Block'])),
      selector: random.maybe(0.15, () => ({ matchLabels: { app: random.pick(['a', 'b']) } })),
      volumeAttributesClassName: random.maybe(0.06, () => random.pick(['gold', ''])),
    },
    status: { phase: random.chance(0.04) ? 'Lost' : bound ? 'Bound' : 'Pending' },
  };
}

function volumeOf(draft: Draft, random: Random, index: number): ObjectDraft {
  const affinity = random.maybe(0.6, () => ({
    required: random.chance(0.93)
      ? { nodeSelectorTerms: random.picks([0, 1], random.chance(0.8) ? 1 : 2).map(() => volumeTerm(draft, random)) }
      : undefined,
  }));
  const claimRef = random.maybe(0.2, () => ({
    namespace: random.chance(0.9) ? draft.pod.metadata.namespace : 'other',
    name: random.pick(['claim-0', 'claim-1', 'elsewhere']),
    uid: random.maybe(0.5, () => random.pick(['uid-claim-0', 'uid-claim-1', ''])),
  }));
  return {
    metadata: {
      name: `pv-${index}`,
      labels: random.maybe(0.4, () => ({ app: random.pick(['a', 'b']) })) ?? {},
      deletionTimestamp: random.maybe(0.03, () => '2026-01-01T00:00:00Z'),
    },
    spec: {
      storageClassName: random.pick(['late', 'late-static', 'late-static', 'late-zoned']),
      // No two alike: among equals the scheduler takes any.
      capacity: { storage: `${random.between(1, 3) * 4 ** random.between(0, 1) * 1000 + index}Mi` },
      accessModes: random.pick([
        ['ReadWriteOnce'],
        ['ReadWriteOnce', 'ReadOnlyMany'],
        ['ReadWriteMany', 'ReadWriteOnce'],
        ['ReadWriteOncePod'],
      ]),
      volumeMode: random.maybe(0.3, () => random.pick(['Filesystem', 'Filesystem', 'Block'])),
      volumeAttributesClassName: random.maybe(0.05, () => random.pick(['gold', ''])),
      claimRef,
      nodeAffinity: affinity,
      ...(random.chance(0.15)
        ? { awsElasticBlockStore: { volumeID: `vol-${index}` } }
        : { csi: { driver: random.pick(DRIVERS), volumeHandle: `h-${index}` } }),
    },
    status: { phase: random.chance(0.9) ? 'Available' : random.pick(['Bound', 'Released', '']) },
  };
}

function volumeTerm(draft: Draft, random: Random): JsonObject {
  if (random.chance(0.3)) return randomTerm(draft, random);
  return {
    matchExpressions: [
      { key: random.pick([ZONE, HOSTNAME]), operator: 'In', values: random.picks([...ZONES, 'node-a', 'node-b'], 3) },
    ],
  };
}

export function volumeBinding(draft: Draft, random: Random): void {
  addClasses(draft, random);
  const claimCount = random.pick([1, 1, 2, 3]);
  for (let index = 0; index < claimCount; index += 1) {
    const claim = claimOf(draft, random, `claim-${index}`);
    if (random.chance(0.12)) {
      mountEphemeral(draft, random, claim);
      continue;
    }
    if (!random.chance(0.02)) draft.persistentVolumeClaims.push(claim);
    mount(draft.pod, {
      persistentVolumeClaim: { claimName: claim.metadata.name, readOnly: random.maybe(0.2, () => true) },
    });
  }
  const volumeCount = random.between(0, 6);
  for (let index = 0; index < volumeCount; index += 1) draft.persistentVolumes.push(volumeOf(draft, random, index));
  if (random.chance(0.3)) addCsiNodes(draft, random);
}

/** A generic ephemeral volume: its claim is named after pod and volume, and must belong to the pod. */
function mountEphemeral(draft: Draft, random: Random, claim: ObjectDraft): void {
  const { pod } = draft;
  claim.metadata.name = `${pod.metadata.name}-v${pod.spec.volumes.length}`;
  if (random.chance(0.9)) {
    const uid = random.chance(0.92) ? pod.metadata.uid : 'uid-of-another';
    claim.metadata['ownerReferences'] = [
      { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid, controller: random.chance(0.95) },
    ];
  }
  if (!random.chance(0.1)) draft.persistentVolumeClaims.push(claim);
  mount(pod, { ephemeral: { volumeClaimTemplate: { spec: {} } } });
}

function addCsiNodes(draft: Draft, random: Random): void {
  for (const node of random.some(draft.nodes, 0.88)) {
    draft.csiNodes.push({
      metadata: {
        name: node.metadata.name,
        annotations:
          random.maybe(0.5, () => ({
            'storage.alpha.kubernetes.io/migrated-plugins': random.some(IN_TREE, 0.7).join(','),
          })) ?? {},
      },
      spec: {
        drivers: random.some(DRIVERS, 0.85).map((name) => ({
          name,
          nodeID: node.metadata.name,
          allocatable: random.maybe(0.85, () => ({ count: random.maybe(0.95, () => random.pick([0, 1, 1, 2, 2, 3])) })),
        })),
      },
    });
  }
}

export function volumeLimits(draft: Draft, random: Random): void {
  addCsiNodes(draft, random);
  addClasses(draft, random);
  for (const name of random.some(DRIVERS, 0.5)) {
    if (draft.csiDrivers.some((driver) => driver.metadata.name === name)) continue;
    draft.csiDrivers.push({
      metadata: { name },
      spec: { preventPodSchedulingIfMissing: random.maybe(0.7, () => random.chance(0.7)) },
    });
  }
  const namespace = draft.pod.metadata.namespace;
  for (let index = 0; index < 5; index += 1) {
    addBoundClaim(draft, random, { namespace, name: `data-${index}`, volume: limitedVolume(random, index) });
  }
  // Waiting for their first consumer: counted by the class's provisioner.
  for (const name of ['late-0', 'late-1']) {
    draft.persistentVolumeClaims.push({
      metadata: { name, namespace, uid: `uid-${name}` },
      spec: {
        storageClassName: random.pick(['late', 'late-zoned', 'late-capacity', 'late-static', 'unknown']),
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
      },
      status: { phase: 'Pending' },
    });
  }
  if (random.chance(0.4)) addAttachments(draft, random);
  const names = ['data-0', 'data-1', 'data-2', 'data-3', 'data-4', 'late-0', 'late-1'];
  for (const pod of draft.pods) {
    if (random.chance(0.8)) pod.metadata.namespace = namespace;
    for (const claimName of random.some([...names, 'gone'], 0.2)) mount(pod, { persistentVolumeClaim: { claimName } });
    if (random.chance(0.1)) mount(pod, inlineDisk(random));
  }
  for (let left = random.between(1, 3); left > 0; left -= 1) {
    mount(
      draft.pod,
      random.chance(0.1)
        ? inlineDisk(random)
        : { persistentVolumeClaim: { claimName: random.pick(random.chance(0.7) ? names.slice(0, 5) : names) } },
    );
  }
}

/** Of volumes that pods on the node use, and of others. */
function addAttachments(draft: Draft, random: Random): void {
  const volumes = [...draft.persistentVolumes.map((volume) => volume.metadata.name), 'gone'];
  for (let index = random.between(1, 6); index > 0; index -= 1) {
    const persistentVolumeName = random.maybe(0.94, () => random.pick(volumes));
    draft.volumeAttachments.push({
      metadata: { name: `attachment-${index}` },
      spec: {
        attacher: random.pick([...DRIVERS, ...DRIVERS, '']),
        nodeName: random.pick(draft.nodes).metadata.name,
        source: { persistentVolumeName },
      },
      status: { attached: random.chance(0.8) },
    });
  }
}

function limitedVolume(random: Random, index: number): JsonObject {
  if (random.chance(0.1)) return { awsElasticBlockStore: { volumeID: `vol-${index}` } };
  if (random.chance(0.1)) return { cinder: { volumeID: `vol-${index}` } };
  if (random.chance(0.05)) return { nfs: { server: 'nfs', path: '/' } };
  return { csi: { driver: random.pick(DRIVERS), volumeHandle: random.chance(0.9) ? `h-${index}` : 'shared' } };
}
