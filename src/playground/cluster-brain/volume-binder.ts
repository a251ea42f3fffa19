// Volumes: a claim whose class waits for its first consumer gets a volume in the zone of the node that the consumer got;
// a claim of any other class gets one at once. There is no storage behind them.
import { LABELS } from '../../api/names.ts';
import type { PodObject } from '../../cluster/cluster-objects.ts';
import type { KubeObject } from '../kubernetes-api/kube-object.ts';
import { fieldsOf, listOf, textOf } from '../untyped.ts';
import type { BrainContext } from './brain-context.ts';

/** What schedulers take for the end of binding. */
const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';

/** Volumes for the unbound claims of a pod that goes to `nodeName`. */
export function bindVolumes(context: BrainContext, pod: PodObject, nodeName: string): void {
  const zone = context.get('nodes', nodeName)?.metadata.labels?.[LABELS.zone];
  for (const volume of pod.shape.volumes) {
    const claim = context.get('persistentvolumeclaims', volume.claim, pod.namespace);
    if (claim !== undefined) provision(context, claim, zone);
  }
}

/** Volumes for claims of classes that do not wait. */
export function bindImmediately(context: BrainContext): void {
  for (const claim of context.list('persistentvolumeclaims')) {
    const storageClass = context.get('storageclasses', textOf(fieldsOf(claim['spec'])['storageClassName']));
    if (storageClass === undefined || storageClass['volumeBindingMode'] === 'WaitForFirstConsumer') continue;
    provision(context, claim, undefined);
  }
}

function provision(context: BrainContext, claim: KubeObject, zone: string | undefined): void {
  const spec = fieldsOf(claim['spec']);
  if (textOf(spec['volumeName']) !== '' || claim.metadata.deletionTimestamp !== undefined) return;
  const { name, namespace, uid } = claim.metadata;
  const volumeName = `pvc-${uid}`;
  const storageClass = context.get('storageclasses', textOf(spec['storageClassName']));
  const capacity = fieldsOf(fieldsOf(spec['resources'])['requests']);
  const matchExpressions = [{ key: LABELS.zone, operator: 'In', values: [zone] }];
  const volume = context.create('persistentvolumes', {
    metadata: { name: volumeName },
    spec: {
      capacity: { storage: capacity['storage'] },
      accessModes: listOf(spec['accessModes']),
      storageClassName: textOf(spec['storageClassName']),
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: { kind: 'PersistentVolumeClaim', namespace, name, uid },
      csi: { driver: textOf(storageClass?.['provisioner']), volumeHandle: volumeName },
      ...(zone === undefined ? {} : { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } } }),
    },
  });
  context.update('persistentvolumes', { ...volume, status: { phase: 'Bound' } }, 'status');
  const metadata = { ...claim.metadata, annotations: { ...claim.metadata.annotations, [BIND_COMPLETED]: 'yes' } };
  const bound = context.update('persistentvolumeclaims', { ...claim, metadata, spec: { ...spec, volumeName } });
  const status = { phase: 'Bound', accessModes: listOf(spec['accessModes']), capacity };
  context.update('persistentvolumeclaims', { ...bound, status }, 'status');
}
