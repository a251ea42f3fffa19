// VolumeBinding: bound volumes must be reachable from the node; unbound claims of WaitForFirstConsumer classes must find a
// volume there or be provisioned there. Not here: storage capacity objects, volume selectors, volume mode.
import type {
  PersistentVolumeClaimObject,
  PersistentVolumeObject,
  StorageClassObject,
} from '../cluster/cluster-objects.ts';
import { matchesAnyTerm } from './node-affinity.ts';
import type { NodeFacts } from './node-facts.ts';
import { type Refusal, refuse } from './refusal.ts';
import type { ClaimedVolume, VolumeLookup } from './volume-lookup.ts';

const PLUGIN = 'VolumeBinding';
const NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind";
const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

/** Before any filter, for the whole pod. */
export function volumeBindingPod(volumes: readonly ClaimedVolume[], lookup: VolumeLookup): Refusal | undefined {
  for (const { volume, claim } of volumes) {
    if (claim === undefined) {
      const what = `persistentvolumeclaim "${volume.claim}"`;
      return refuse(
        PLUGIN,
        volume.ephemeral ? `waiting for ephemeral volume controller to create the ${what}` : `${what} not found`,
      );
    }
    if (claim.deleting) return refuse(PLUGIN, `persistentvolumeclaim "${claim.name}" is being deleted`);
  }
  const immediate = volumes.some(
    ({ claim }) => claim !== undefined && !claim.bound && delayedClass(claim, lookup) === undefined,
  );
  return immediate ? refuse(PLUGIN, 'pod has unbound immediate PersistentVolumeClaims') : undefined;
}

/** Per node; to be asked only when volumeBindingPod has nothing to say. */
export function volumeBinding(
  volumes: readonly ClaimedVolume[],
  context: { readonly node: Pick<NodeFacts, 'name' | 'labels'>; readonly lookup: VolumeLookup },
): Refusal | undefined {
  const { node, lookup } = context;
  const waiting: PersistentVolumeClaimObject[] = [];
  for (const { claim } of volumes) {
    if (claim === undefined) continue;
    if (!claim.bound) {
      waiting.push(claim);
      continue;
    }
    const bound = lookup.volume(claim.volumeName);
    if (bound === undefined)
      return refuse(PLUGIN, 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)');
    if (!reaches(bound, node)) return refuse(PLUGIN, "node(s) didn't match PersistentVolume's node affinity");
  }
  return canBind(waiting, { node, lookup }) ? undefined : refuse(PLUGIN, NOTHING_TO_BIND);
}

/** Smallest claims first, each takes the smallest volume that fits; no going back, as in the scheduler. */
function canBind(
  claims: readonly PersistentVolumeClaimObject[],
  context: { readonly node: Pick<NodeFacts, 'name' | 'labels'>; readonly lookup: VolumeLookup },
): boolean {
  const { node, lookup } = context;
  const taken = new Set<string>();
  const bySize = [...claims].sort((left, right) => left.requestBytes - right.requestBytes);
  return bySize.every((claim) => {
    const storageClass = delayedClass(claim, lookup);
    if (storageClass === undefined) return false;
    if (claim.selectedNode !== '') return claim.selectedNode === node.name && canProvision(storageClass, node);
    const found = lookup
      .volumesOfClass(claim.storageClass)
      .find((volume) => !taken.has(volume.name) && suits(volume, claim) && reaches(volume, node));
    if (found === undefined) return canProvision(storageClass, node);
    taken.add(found.name);
    return true;
  });
}

function suits(volume: PersistentVolumeObject, claim: PersistentVolumeClaimObject): boolean {
  if (volume.capacityBytes < claim.requestBytes) return false;
  if (volume.claimName !== '') return volume.claimName === claim.name && volume.claimNamespace === claim.namespace;
  return volume.phase === 'Available' && claim.accessModes.every((mode) => volume.accessModes.includes(mode));
}

/** Matched on labels alone: the scheduler gives no node name here, so fields say nothing. */
function reaches(volume: PersistentVolumeObject, node: Pick<NodeFacts, 'labels'>): boolean {
  return volume.nodeAffinity === undefined || matchesAnyTerm(volume.nodeAffinity, { labels: node.labels });
}

function canProvision(storageClass: StorageClassObject, node: Pick<NodeFacts, 'labels'>): boolean {
  if (storageClass.provisioner === '' || storageClass.provisioner === NO_PROVISIONER) return false;
  const { allowedTopologies } = storageClass;
  return allowedTopologies === undefined || matchesAnyTerm(allowedTopologies, { labels: node.labels });
}

/** The class of a claim that waits for its first pod; undefined: it does not wait. */
function delayedClass(claim: PersistentVolumeClaimObject, lookup: VolumeLookup): StorageClassObject | undefined {
  if (claim.volumeName !== '') return undefined;
  const storageClass = lookup.storageClass(claim.storageClass);
  return storageClass?.waitForFirstConsumer === true ? storageClass : undefined;
}
