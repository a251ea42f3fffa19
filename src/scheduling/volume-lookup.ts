// Claims, volumes and classes by name, as the volume filters ask for them. Built once per fork, from one snapshot.
import type {
  ClusterObjects,
  CsiDriverObject,
  PersistentVolumeClaimObject,
  PersistentVolumeObject,
  PodObject,
  PodShape,
  PodVolume,
  StorageClassObject,
} from '../cluster/cluster-objects.ts';
import { storageCapacities, type StorageCapacities } from './storage-capacity.ts';

export interface VolumeLookup {
  claim(namespace: string, name: string): PersistentVolumeClaimObject | undefined;
  volume(name: string): PersistentVolumeObject | undefined;
  storageClass(name: string): StorageClassObject | undefined;
  driver(name: string): CsiDriverObject | undefined;
  /** Of one class, smallest first, then by name. */
  volumesOfClass(storageClass: string): readonly PersistentVolumeObject[];
  /** Of drivers that track it. */
  readonly capacities: StorageCapacities;
  /** CSI volumes that are attached to a node, or are to be: driver → handles. */
  attached(nodeName: string): ReadonlyMap<string, ReadonlySet<string>>;
}

/** A volume of a pod with the claim behind it, when there is one. */
export interface ClaimedVolume {
  readonly volume: PodVolume;
  readonly claim: PersistentVolumeClaimObject | undefined;
}

const NOTHING_ATTACHED: ReadonlyMap<string, ReadonlySet<string>> = new Map();

/** Indexes the storage objects of a snapshot. */
export function volumeLookup(objects: ClusterObjects): VolumeLookup {
  const claims = new Map(objects.persistentVolumeClaims.map((claim) => [`${claim.namespace}/${claim.name}`, claim]));
  const volumes = new Map(objects.persistentVolumes.map((volume) => [volume.name, volume]));
  const classes = new Map(objects.storageClasses.map((one) => [one.name, one]));
  const drivers = new Map((objects.csiDrivers ?? []).map((one) => [one.name, one]));
  const byClass = new Map<string, PersistentVolumeObject[]>();
  for (const volume of objects.persistentVolumes) {
    const others = byClass.get(volume.storageClass);
    if (others === undefined) byClass.set(volume.storageClass, [volume]);
    else others.push(volume);
  }
  for (const list of byClass.values()) {
    list.sort((left, right) => left.capacityBytes - right.capacityBytes || (left.name < right.name ? -1 : 1));
  }
  const attached = attachedVolumes(objects, volumes);
  return {
    capacities: storageCapacities(objects.csiStorageCapacities ?? []),
    attached: (nodeName) => attached.get(nodeName) ?? NOTHING_ATTACHED,
    claim: (namespace, name) => claims.get(`${namespace}/${name}`),
    volume: (name) => volumes.get(name),
    storageClass: (name) => classes.get(name),
    driver: (name) => drivers.get(name),
    volumesOfClass: (storageClass) => byClass.get(storageClass) ?? [],
  };
}

/** Node → driver → handles. Attachments without a driver, or of volumes that are not CSI's own, do not count. */
function attachedVolumes(
  { volumeAttachments = [] }: ClusterObjects,
  volumes: ReadonlyMap<string, PersistentVolumeObject>,
): ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>> {
  const nodes = new Map<string, Map<string, Set<string>>>();
  for (const { attacher, nodeName, volumeName } of volumeAttachments) {
    const volume = volumes.get(volumeName);
    if (attacher === '' || volume === undefined || volume.inTree !== undefined) continue;
    if (volume.csiDriver === '' && volume.csiHandle === undefined) continue;
    const drivers = nodes.get(nodeName) ?? new Map<string, Set<string>>();
    nodes.set(nodeName, drivers);
    const handles = drivers.get(attacher) ?? new Set<string>();
    drivers.set(attacher, handles.add(volume.csiHandle ?? volume.name));
  }
  return nodes;
}

/** The volumes of a shape with their claims, in the pod's order. */
export function claimedVolumes(shape: PodShape, lookup: VolumeLookup): readonly ClaimedVolume[] {
  return shape.volumes.map((volume) => ({ volume, claim: lookup.claim(shape.namespace, volume.claim) }));
}

/** What the scheduler says when a claim has the name of a pod's ephemeral volume and was not made for that pod. */
export function notOwned(
  pod: Pick<PodObject, 'uid' | 'namespace' | 'name'>,
  volumes: readonly ClaimedVolume[],
): string | undefined {
  for (const { volume, claim } of volumes) {
    if (!volume.ephemeral || claim === undefined || claim.controllerUid === pod.uid) continue;
    return `PVC ${claim.namespace}/${claim.name} was not created for pod ${pod.namespace}/${pod.name} (pod is not owner)`;
  }
  return undefined;
}
