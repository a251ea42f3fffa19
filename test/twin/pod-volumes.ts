// The volumes of a pod as the volume rules see them: claims in order, whether they are there or not, and in-tree disks with
// the CSI driver that took over from their plugin.
import type { V1PersistentVolume, V1Pod, V1VolumeClaim, V1VolumeSources } from './v1.ts';
import { labelsOf, mapOf, namespaceOf, type World } from './world.ts';

export interface ClaimUse {
  readonly name: string;
  /** The claim is made for the pod, and named after it and its volume. */
  readonly ephemeral: boolean;
  readonly claim: V1VolumeClaim | undefined;
}

export function claimsOf(pod: V1Pod, world: World): readonly ClaimUse[] {
  return (pod.spec.volumes ?? []).flatMap((volume): ClaimUse[] => {
    const ephemeral = (volume.persistentVolumeClaim ?? undefined) === undefined;
    if (ephemeral && (volume.ephemeral ?? undefined) === undefined) return [];
    const name = ephemeral
      ? `${pod.metadata.name}-${volume.name ?? ''}`
      : (volume.persistentVolumeClaim?.claimName ?? '');
    return [{ name, ephemeral, claim: world.claims.get(`${namespaceOf(pod)}/${name}`) }];
  });
}

/** The claim of an ephemeral volume belongs to another pod, or to none; the scheduler's words for it. */
export function notOwner(pod: V1Pod, { ephemeral, claim }: ClaimUse): string | undefined {
  if (!ephemeral || claim === undefined) return undefined;
  const owner = (claim.metadata.ownerReferences ?? []).find((reference) => reference.controller === true);
  if (owner !== undefined && (owner.uid ?? '') === (pod.metadata.uid ?? '')) return undefined;
  const names = `PVC ${namespaceOf(claim)}/${claim.metadata.name} was not created for pod ${namespaceOf(pod)}/${pod.metadata.name}`;
  return `${names} (pod is not owner)`;
}

/** The annotation is older than the field, and still stronger. */
export function classNameOf(object: V1VolumeClaim | V1PersistentVolume): string {
  const annotation = mapOf(object.metadata.annotations).get('volume.beta.kubernetes.io/storage-class');
  return annotation ?? object.spec?.storageClassName ?? '';
}

/** In-tree plugin → the CSI driver that took over, and the label by which that driver tells zones. */
export const MIGRATED: ReadonlyMap<string, { readonly driver: string; readonly zoneLabel?: string }> = new Map([
  ['kubernetes.io/aws-ebs', { driver: 'ebs.csi.aws.com', zoneLabel: 'topology.ebs.csi.aws.com/zone' }],
  ['kubernetes.io/gce-pd', { driver: 'pd.csi.storage.gke.io', zoneLabel: 'topology.gke.io/zone' }],
  ['kubernetes.io/azure-disk', { driver: 'disk.csi.azure.com' }],
  ['kubernetes.io/cinder', { driver: 'cinder.csi.openstack.org', zoneLabel: 'topology.cinder.csi.openstack.org/zone' }],
  ['kubernetes.io/portworx-volume', { driver: 'pxd.portworx.com' }],
]);

/** The plugin and the disk of an in-tree volume; undefined: it is of no plugin that was migrated. */
export function inTreeDisk(
  volume: V1VolumeSources,
  labels: ReadonlyMap<string, string>,
): { readonly plugin: string; readonly handle: string } | undefined {
  const { awsElasticBlockStore: ebs, gcePersistentDisk: gce, azureDisk, cinder, portworxVolume } = volume;
  // aws://zone/id and id are one disk; a GCE disk is told by its zone too, and an inline one does not say it.
  if (ebs) {
    const id = ebs.volumeID ?? '';
    return { plugin: 'kubernetes.io/aws-ebs', handle: id.startsWith('aws://') ? (id.split('/').at(-1) ?? '') : id };
  }
  if (gce) {
    const zone = labels.get('failure-domain.beta.kubernetes.io/zone') || labels.get('topology.kubernetes.io/zone');
    return { plugin: 'kubernetes.io/gce-pd', handle: `${zone ?? ''}/${gce.pdName ?? ''}` };
  }
  if (azureDisk) return { plugin: 'kubernetes.io/azure-disk', handle: azureDisk.diskURI ?? '' };
  if (cinder) return { plugin: 'kubernetes.io/cinder', handle: cinder.volumeID ?? '' };
  if (portworxVolume) return { plugin: 'kubernetes.io/portworx-volume', handle: portworxVolume.volumeID ?? '' };
  return undefined;
}

export function inTreeDiskOf(
  volume: V1PersistentVolume,
): { readonly plugin: string; readonly handle: string } | undefined {
  if (volume.spec === undefined || volume.spec === null || volume.spec.csi) return undefined;
  return inTreeDisk(volume.spec, labelsOf(volume));
}
