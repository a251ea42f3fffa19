// VolumeRestrictions: a claim must exist, and one with ReadWriteOncePod is used by one pod in the whole cluster.
// Not here: inline disks of other clouds (GCE, EBS, iSCSI, RBD).
import { type Refusal, refuse } from './refusal.ts';
import type { ClaimedVolume } from './volume-lookup.ts';

const PLUGIN = 'VolumeRestrictions';

/** Before any filter, for the whole pod. `users` counts the pods on nodes that use a claim of the pod's namespace. */
export function volumeRestrictions(
  volumes: readonly ClaimedVolume[],
  users: (claim: string) => number,
): Refusal | undefined {
  for (const { volume, claim } of volumes) {
    if (!volume.ephemeral && claim === undefined) {
      return refuse(PLUGIN, `persistentvolumeclaim "${volume.claim}" not found`);
    }
  }
  for (const { volume, claim } of volumes) {
    if (isOncePod({ volume, claim }) && users(volume.claim) > 0) {
      return refuse(
        PLUGIN,
        'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod',
      );
    }
  }
  return undefined;
}

/** Whether only one pod may use the volume. */
export function isOncePod({ volume, claim }: ClaimedVolume): boolean {
  return !volume.ephemeral && claim !== undefined && claim.accessModes.includes('ReadWriteOncePod');
}
