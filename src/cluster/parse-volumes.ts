// The volumes of a pod that say where it may run: claims, and disks that it names itself. In-tree plugins of clouds are
// known by the CSI driver that took over from them.
import type { InlineDisk, PodVolume } from './cluster-objects.ts';
import type { Fields } from './fields.ts';

/** Claims in the pod's order. A generic ephemeral volume's claim is named `<pod>-<volume>` by its controller. */
export function parseVolumes(spec: Fields, podName: string): readonly PodVolume[] {
  const volumes: PodVolume[] = [];
  for (const volume of spec.objects('volumes')) {
    const claim = volume.object('persistentVolumeClaim');
    if (claim !== undefined) volumes.push({ claim: claim.text('claimName'), ephemeral: false });
    else if (volume.has('ephemeral')) volumes.push({ claim: `${podName}-${volume.text('name')}`, ephemeral: true });
  }
  return volumes;
}

/** Field of a volume → what kind of disk it is and which fields name it. */
const DISKS: readonly {
  readonly field: string;
  readonly kind: InlineDisk['kind'];
  readonly names: readonly string[];
}[] = [
  { field: 'gcePersistentDisk', kind: 'gce', names: ['pdName'] },
  { field: 'awsElasticBlockStore', kind: 'ebs', names: ['volumeID'] },
  { field: 'iscsi', kind: 'iscsi', names: ['iqn'] },
  { field: 'rbd', kind: 'rbd', names: ['pool', 'image'] },
  { field: 'azureDisk', kind: 'azure', names: ['diskURI'] },
  { field: 'cinder', kind: 'cinder', names: ['volumeID'] },
  { field: 'portworxVolume', kind: 'portworx', names: ['volumeID'] },
];

/** Disks without a claim, in the pod's order. */
export function parseDisks(spec: Fields): readonly InlineDisk[] {
  const disks: InlineDisk[] = [];
  for (const volume of spec.objects('volumes')) {
    for (const { field, kind, names } of DISKS) {
      const source = volume.object(field);
      if (source === undefined) continue;
      disks.push({
        kind,
        id: names.map((name) => source.text(name)).join('/'),
        readOnly: source.boolean('readOnly'),
        monitors: kind === 'rbd' ? source.texts('monitors') : [],
      });
    }
  }
  return disks;
}
