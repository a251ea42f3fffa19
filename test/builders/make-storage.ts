// Builds the storage objects of a cluster: a bound claim with its volume, a class that waits for its first pod.
import type {
  PersistentVolumeClaimObject,
  PersistentVolumeObject,
  StorageClassObject,
} from '../../src/cluster/cluster-objects.ts';
import { GIB } from './make-pod.ts';

export const CINDER_DRIVER = 'cinder.csi.openstack.org';

/** A claim bound to the volume `pv-<name>`; 1 GiB, ReadWriteOnce, class `standard`. */
export function makeVolumeClaim(
  name: string,
  fields: Partial<PersistentVolumeClaimObject> = {},
): PersistentVolumeClaimObject {
  return {
    uid: `pvc-${name}`,
    namespace: 'default',
    name,
    volumeName: `pv-${name}`,
    bound: true,
    storageClass: 'standard',
    requestBytes: GIB,
    accessModes: ['ReadWriteOnce'],
    selectedNode: '',
    deleting: false,
    ...fields,
  };
}

/** A Cinder volume without node affinity, bound to nothing. */
export function makeVolume(name: string, fields: Partial<PersistentVolumeObject> = {}): PersistentVolumeObject {
  return {
    uid: `uid-${name}`,
    name,
    labels: new Map(),
    nodeAffinity: undefined,
    csiDriver: CINDER_DRIVER,
    storageClass: 'standard',
    capacityBytes: GIB,
    accessModes: ['ReadWriteOnce'],
    claimNamespace: '',
    claimName: '',
    phase: 'Available',
    ...fields,
  };
}

/** A class that provisions Cinder volumes where the first pod goes. */
export function makeStorageClass(name = 'standard', fields: Partial<StorageClassObject> = {}): StorageClassObject {
  return {
    uid: `class-${name}`,
    name,
    provisioner: CINDER_DRIVER,
    waitForFirstConsumer: true,
    allowedTopologies: undefined,
    ...fields,
  };
}
