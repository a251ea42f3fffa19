// v1 objects as the product reads them: through its parsers, in the way of `sluice check-fit`.
import { parseNode } from '../../src/cluster/parse-node.ts';
import * as parse from '../../src/cluster/parse-objects.ts';
import { parseDeviceClass, parseResourceClaim, parseResourceSlice } from '../../src/cluster/parse-devices.ts';
import { parsePod } from '../../src/cluster/parse-pod.ts';
import { parseCsiStorageCapacity, parseVolumeAttachment } from '../../src/cluster/parse-storage-state.ts';
import type { ClusterObjects } from '../../src/cluster/cluster-objects.ts';
import type { PodShapeInterner } from '../../src/cluster/pod-shape-interner.ts';
import { makeObjects } from '../builders/make-objects.ts';
import type { V1Objects } from './v1.ts';

/** No pools, no claims: a cluster that is only looked at. */
export function parseWorld(objects: V1Objects, interner: PodShapeInterner): ClusterObjects {
  return makeObjects({
    pods: (objects.pods ?? []).map((pod) => parsePod(pod, interner)),
    nodes: objects.nodes.map((node) => ({ ...parseNode(node), deleting: false })),
    namespaces: (objects.namespaces ?? []).map(parse.parseNamespace),
    persistentVolumeClaims: (objects.persistentVolumeClaims ?? []).map(parse.parsePersistentVolumeClaim),
    persistentVolumes: (objects.persistentVolumes ?? []).map(parse.parsePersistentVolume),
    storageClasses: (objects.storageClasses ?? []).map(parse.parseStorageClass),
    csiNodes: (objects.csiNodes ?? []).map(parse.parseCsiNode),
    csiStorageCapacities: (objects.csiStorageCapacities ?? []).map(parseCsiStorageCapacity),
    volumeAttachments: (objects.volumeAttachments ?? []).map(parseVolumeAttachment),
    resourceClaims: (objects.resourceClaims ?? []).map(parseResourceClaim),
    resourceSlices: (objects.resourceSlices ?? []).map(parseResourceSlice),
    deviceClasses: (objects.deviceClasses ?? []).map(parseDeviceClass),
    csiDrivers: (objects.csiDrivers ?? []).map(parse.parseCsiDriver),
  });
}
