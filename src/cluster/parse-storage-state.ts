// What CSI drivers and the attach controller report of storage: how much is left where, and what is attached to which
// node. Untrusted: bounded by fields.ts. Each function throws a ParseError that names the field.
import type { CsiStorageCapacityObject, VolumeAttachmentObject } from './cluster-objects.ts';
import { openObject } from './fields.ts';
import { parseLabelSelector } from './parse-selectors.ts';
import { toUnits } from './quantity.ts';

/** Reads a storage.k8s.io/v1 CSIStorageCapacity. What one volume may have at most counts before what all may have. */
export function parseCsiStorageCapacity(raw: unknown): CsiStorageCapacityObject {
  const { object, metadata, identity } = openObject('CSIStorageCapacity', raw);
  const most = object.quantity('maximumVolumeSize') ?? object.quantity('capacity');
  const topology = parseLabelSelector(object, 'nodeTopology');
  return {
    ...identity,
    namespace: metadata.text('namespace'),
    storageClass: object.text('storageClassName'),
    ...(most === undefined ? {} : { volumeBytesMax: Number(toUnits(most)) }),
    ...(topology === undefined ? {} : { topology }),
  };
}

/** Reads a storage.k8s.io/v1 VolumeAttachment. */
export function parseVolumeAttachment(raw: unknown): VolumeAttachmentObject {
  const { object, identity } = openObject('VolumeAttachment', raw);
  const spec = object.object('spec');
  return {
    ...identity,
    attacher: spec?.text('attacher') ?? '',
    nodeName: spec?.text('nodeName') ?? '',
    volumeName: spec?.object('source')?.text('persistentVolumeName') ?? '',
  };
}
