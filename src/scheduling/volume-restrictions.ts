// VolumeRestrictions: a claim must exist, one with ReadWriteOncePod is used by one pod in the whole cluster, and some
// disks that pods name without a claim are not shared on a node.
import type { InlineDisk, PodShape } from '../cluster/cluster-objects.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { ClaimedVolume } from './volume-lookup.ts';

const PLUGIN = 'VolumeRestrictions';

/** Before any filter, for the whole pod. */
export function volumeRestrictionsPod(volumes: readonly ClaimedVolume[]): Refusal | undefined {
  for (const { volume, claim } of volumes) {
    if (!volume.ephemeral && claim === undefined) {
      return refuse(PLUGIN, `persistentvolumeclaim "${volume.claim}" not found`);
    }
  }
  return undefined;
}

/** On every node alike. `users` counts the pods on nodes that use a claim of the pod's namespace. */
export function claimInUse(volumes: readonly ClaimedVolume[], users: (claim: string) => number): Refusal | undefined {
  if (!volumes.some((one) => isOncePod(one) && users(one.volume.claim) > 0)) return undefined;
  return refuse(
    PLUGIN,
    'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod',
  );
}

/** Per node. `others`: shapes of the pods on it. */
export function diskConflict(shape: PodShape, others: Iterable<PodShape>): Refusal | undefined {
  if (shape.disks === undefined) return undefined;
  for (const other of others) {
    for (const taken of other.disks ?? []) {
      if (shape.disks.some((wanted) => conflicts(wanted, taken)))
        return refuse(PLUGIN, 'node(s) had no available disk');
    }
  }
  return undefined;
}

/** Whether only one pod may use the volume. */
export function isOncePod({ volume, claim }: ClaimedVolume): boolean {
  return !volume.ephemeral && claim !== undefined && claim.accessModes.includes('ReadWriteOncePod');
}

function conflicts(left: InlineDisk, right: InlineDisk): boolean {
  if (left.kind !== right.kind || left.id !== right.id) return false;
  if (left.kind === 'ebs') return true;
  if (left.readOnly && right.readOnly) return false;
  if (left.kind === 'rbd') return left.monitors.some((monitor) => right.monitors.includes(monitor));
  return left.kind === 'gce' || left.kind === 'iscsi';
}
