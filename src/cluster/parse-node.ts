// A node from the API, cut down to what decisions read. Its kubelet is the tenant's: input, never authority.
// Annotations kept: those below `sluice.dev/` and cluster-autoscaler's scale-down-disabled. All labels are kept, because
// pods may select on any.
import { ANNOTATIONS, API_GROUP } from '../api/names.ts';
import type { NodeObject, Taint } from './cluster-objects.ts';
import { Fields } from './fields.ts';
import { toResources } from './pod-requests.ts';
import type { Amount } from './quantity.ts';

/** All that the scheduler knows, sorted (component-helpers/nodedeclaredfeatures/features, v0.37). */
const FEATURES: readonly string[] = [
  'DRANodeAllocatableResources',
  'DRAOptionalNodeOperations',
  'ExtendWebSocketsToKubelet',
  'InPlacePodLevelResourcesVerticalScaling',
  'InPlacePodVerticalScalingInitContainers',
  'InPlacePodVerticalScalingMemoryBackedVolumes',
  'RestartAllContainersOnContainerExits',
  'UserNamespacesHostNetworkSupport',
  'VolumeBindMountOptions',
];

/** Reads a v1 Node; allocatable is rounded up, as kube-scheduler does. Throws a ParseError that names the field. */
export function parseNode(raw: unknown): NodeObject {
  const node = Fields.of('Node', raw);
  const metadata = node.object('metadata');
  if (metadata === undefined) throw node.error('metadata', 'be set');
  const spec = node.object('spec');
  const status = node.object('status');
  const ready = status?.objects('conditions').find((condition) => condition.text('type') === 'Ready');
  const features = knownFeatures(status?.texts('declaredFeatures') ?? []);
  const readyStatus = ready?.text('status');
  return {
    uid: metadata.text('uid'),
    name: metadata.text('name'),
    resourceVersion: metadata.text('resourceVersion'),
    createdMs: metadata.timeMs('creationTimestamp'),
    deleting: metadata.has('deletionTimestamp'),
    labels: metadata.textMap('labels'),
    annotations: keptAnnotations(metadata),
    finalizers: metadata.texts('finalizers'),
    taints: spec === undefined ? [] : parseTaints(spec),
    unschedulable: spec?.boolean('unschedulable') ?? false,
    providerId: spec?.text('providerID') ?? '',
    allocatable: toResources(status?.quantities('allocatable') ?? new Map<string, Amount>(), undefined),
    ready: readyStatus === 'True' || readyStatus === 'False' ? readyStatus : 'Unknown',
    readyChangedMs: ready?.timeMs('lastTransitionTime') ?? 0,
    volumesAttached: status?.count('volumesAttached') ?? 0,
    ...(features.length === 0 ? {} : { declaredFeatures: features }),
  };
}

/** The features that the scheduler finds in the list: it walks it beside its own, so that only a sorted list shows all. */
function knownFeatures(declared: readonly string[]): readonly string[] {
  const found: string[] = [];
  let at = 0;
  for (const name of FEATURES) {
    while (at < declared.length && (declared[at] ?? '') < name) at += 1;
    if (declared[at] !== name) continue;
    found.push(name);
    at += 1;
  }
  return found;
}

function keptAnnotations(metadata: Fields): ReadonlyMap<string, string> {
  return metadata.textMap(
    'annotations',
    (key) => key.startsWith(`${API_GROUP}/`) || key === ANNOTATIONS.scaleDownDisabled,
  );
}

/** A taint of another effect keeps nothing away, in the scheduler as here. */
function parseTaints(spec: Fields): readonly Taint[] {
  return spec.objects('taints').flatMap((taint): readonly Taint[] => {
    const effect = taint.text('effect');
    const known = effect === 'NoSchedule' || effect === 'PreferNoSchedule' || effect === 'NoExecute';
    return known ? [{ key: taint.text('key'), value: taint.text('value'), effect }] : [];
  });
}
