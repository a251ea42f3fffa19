// VolumeRestrictions.
// For the whole pod: every claim that it names (ephemeral volumes aside) exists.
// On a node: an inline disk is not shared with a pod there. GCE: same name, unless both only read. EBS: same volume. iSCSI:
// same IQN, unless both only read. RBD: same pool and image with a monitor in common, unless both only read.
// On all nodes: a claim with ReadWriteOncePod that the pod names is named by no other pod of the namespace, anywhere.
import { claimsOf } from './pod-volumes.ts';
import { no, type TwinRefusal } from './refusal.ts';
import type { V1Pod, V1Volume } from './v1.ts';
import { namespaceOf, type World } from './world.ts';

const PLUGIN = 'VolumeRestrictions';
const IN_USE =
  'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod';

export function missingClaim(pod: V1Pod, world: World): TwinRefusal | undefined {
  const missing = claimsOf(pod, world).find((use) => !use.ephemeral && use.claim === undefined);
  return missing && no(PLUGIN, `persistentvolumeclaim "${missing.name}" not found`);
}

export function sharedDisk(pod: V1Pod, others: readonly V1Pod[]): TwinRefusal | undefined {
  const taken = others.flatMap((other) => other.spec.volumes ?? []);
  const shared = (pod.spec.volumes ?? []).some((volume) => taken.some((other) => collide(volume, other)));
  return shared ? no(PLUGIN, 'node(s) had no available disk') : undefined;
}

export function claimInUse(pod: V1Pod, world: World): TwinRefusal | undefined {
  const once = oncePodClaims(pod, world);
  const used = world.pods.some(
    (other) =>
      namespaceOf(other) === namespaceOf(pod) &&
      claimsOf(other, world).some((use) => !use.ephemeral && once.includes(use.name)),
  );
  return used ? no(PLUGIN, IN_USE) : undefined;
}

/** Names of claims that only one pod may use. */
export function oncePodClaims(pod: V1Pod, world: World): readonly string[] {
  return claimsOf(pod, world)
    .filter((use) => !use.ephemeral && use.claim?.spec?.accessModes?.includes('ReadWriteOncePod') === true)
    .map((use) => use.name);
}

function collide(one: V1Volume, other: V1Volume): boolean {
  const { gcePersistentDisk: gce, awsElasticBlockStore: ebs, iscsi, rbd } = one;
  if (gce && other.gcePersistentDisk) {
    const same = (gce.pdName ?? '') === (other.gcePersistentDisk.pdName ?? '');
    if (same && !(gce.readOnly && other.gcePersistentDisk.readOnly)) return true;
  }
  if (ebs && other.awsElasticBlockStore) {
    if ((ebs.volumeID ?? '') === (other.awsElasticBlockStore.volumeID ?? '')) return true;
  }
  if (iscsi && other.iscsi) {
    const same = (iscsi.iqn ?? '') === (other.iscsi.iqn ?? '');
    if (same && !(iscsi.readOnly && other.iscsi.readOnly)) return true;
  }
  if (!rbd || !other.rbd) return false;
  const same = (rbd.pool ?? '') === (other.rbd.pool ?? '') && (rbd.image ?? '') === (other.rbd.image ?? '');
  const common = (rbd.monitors ?? []).some((monitor) => (other.rbd?.monitors ?? []).includes(monitor));
  return same && common && !(rbd.readOnly && other.rbd.readOnly);
}
