// The cluster that the rules look at: nodes, the pods on them, and everything else by name. Nothing is computed ahead.
import type {
  Maybe,
  Texts,
  V1CsiDriver,
  V1CsiNode,
  V1CsiStorageCapacity,
  V1Namespace,
  V1Node,
  V1Objects,
  V1PersistentVolume,
  V1Pod,
  V1StorageClass,
  V1VolumeAttachment,
  V1VolumeClaim,
} from './v1.ts';
import type { V1DeviceClass, V1ResourceClaim, V1ResourceSlice } from './v1-devices.ts';

const MAPS = new WeakMap<object, ReadonlyMap<string, unknown>>();

export interface World {
  readonly nodes: readonly V1Node[];
  /** On one of `nodes` and not finished. */
  readonly pods: readonly V1Pod[];
  readonly namespaces: ReadonlyMap<string, V1Namespace>;
  /** By `namespace/name`. */
  readonly claims: ReadonlyMap<string, V1VolumeClaim>;
  readonly volumes: ReadonlyMap<string, V1PersistentVolume>;
  readonly storageClasses: ReadonlyMap<string, V1StorageClass>;
  readonly csiNodes: ReadonlyMap<string, V1CsiNode>;
  readonly csiDrivers: ReadonlyMap<string, V1CsiDriver>;
  readonly csiStorageCapacities: readonly V1CsiStorageCapacity[];
  readonly volumeAttachments: readonly V1VolumeAttachment[];
  /** By `namespace/name`. */
  readonly resourceClaims: ReadonlyMap<string, V1ResourceClaim>;
  readonly resourceSlices: readonly V1ResourceSlice[];
  readonly deviceClasses: ReadonlyMap<string, V1DeviceClass>;
}

/** What the scheduler's snapshot holds: a pod counts when it names a node that is there and has neither succeeded nor
 *  failed. Terminating pods count. */
export function worldOf(objects: V1Objects): World {
  const names = new Set(objects.nodes.map((node) => node.metadata.name));
  return {
    nodes: objects.nodes,
    pods: (objects.pods ?? []).filter((pod) => {
      const phase = pod.status?.phase;
      return names.has(nodeNameOf(pod)) && phase !== 'Succeeded' && phase !== 'Failed';
    }),
    namespaces: byName(objects.namespaces),
    claims: new Map(
      (objects.persistentVolumeClaims ?? []).map((one) => [`${namespaceOf(one)}/${one.metadata.name}`, one]),
    ),
    volumes: byName(objects.persistentVolumes),
    storageClasses: byName(objects.storageClasses),
    csiNodes: byName(objects.csiNodes),
    csiDrivers: byName(objects.csiDrivers),
    csiStorageCapacities: objects.csiStorageCapacities ?? [],
    volumeAttachments: objects.volumeAttachments ?? [],
    resourceClaims: new Map(
      (objects.resourceClaims ?? []).map((one) => [`${namespaceOf(one)}/${one.metadata.name}`, one]),
    ),
    resourceSlices: [...byName(objects.resourceSlices).values()],
    deviceClasses: byName(objects.deviceClasses),
  };
}

export function podsOn(world: World, node: V1Node): readonly V1Pod[] {
  return world.pods.filter((pod) => nodeNameOf(pod) === node.metadata.name);
}

export function nodeOf(world: World, pod: V1Pod): V1Node | undefined {
  return world.nodes.find((node) => node.metadata.name === nodeNameOf(pod));
}

/** Empty: the pod is not bound. */
export function nodeNameOf(pod: V1Pod): string {
  return pod.spec.nodeName ?? '';
}

export function namespaceOf(object: { readonly metadata: { readonly namespace?: Maybe<string> } }): string {
  return object.metadata.namespace ?? '';
}

export function labelsOf(object: { readonly metadata: { readonly labels?: Texts } }): ReadonlyMap<string, string> {
  return mapOf(object.metadata.labels);
}

/** A JSON object as a map: keys such as `constructor` are keys like any other. Read once per object, which nobody changes. */
export function mapOf<T>(object: Maybe<Readonly<Record<string, T>>>): ReadonlyMap<string, T> {
  if (object === undefined || object === null) return new Map();
  const known = MAPS.get(object) as ReadonlyMap<string, T> | undefined;
  if (known !== undefined) return known;
  const map = new Map(Object.entries(object));
  MAPS.set(object, map);
  return map;
}

function byName<T extends { readonly metadata: { readonly name: string } }>(
  list: Maybe<readonly T[]>,
): ReadonlyMap<string, T> {
  return new Map((list ?? []).map((one) => [one.metadata.name, one]));
}
