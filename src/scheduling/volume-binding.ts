// VolumeBinding: bound volumes must be reachable from the node; unbound claims of WaitForFirstConsumer classes must find a
// volume there or be provisioned there, where the driver has storage left if it tracks that.
import type {
  PersistentVolumeClaimObject,
  PersistentVolumeObject,
  PodObject,
  StorageClassObject,
} from '../cluster/cluster-objects.ts';
import { migratedAffinity } from '../cluster/in-tree-volumes.ts';
import { selectorFault } from '../cluster/label-names.ts';
import { selectorMatches } from '../cluster/label-selector.ts';
import { matchesAnyTerm } from './node-affinity.ts';
import type { NodeFacts } from './node-facts.ts';
import { fail, type Refusal, refuse } from './refusal.ts';
import { type ClaimedVolume, notOwned, type VolumeLookup } from './volume-lookup.ts';

const PLUGIN = 'VolumeBinding';
const UNREACHABLE = "node(s) didn't match PersistentVolume's node affinity";
const NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind";
const NO_STORAGE_LEFT = 'node(s) did not have enough free storage';
const NO_VOLUME = 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)';
const NO_PROVISIONER = 'kubernetes.io/no-provisioner';
const FILESYSTEM = 'Filesystem';

interface Context {
  readonly node: NodeFacts;
  readonly lookup: VolumeLookup;
}

/** Before any filter, for the whole pod. */
export function volumeBindingPod(
  volumes: readonly ClaimedVolume[],
  context: { readonly pod: PodObject; readonly lookup: VolumeLookup },
): Refusal | undefined {
  const { pod, lookup } = context;
  for (const one of volumes) {
    const { volume, claim } = one;
    const what = `persistentvolumeclaim "${volume.claim}"`;
    if (claim === undefined) {
      return refuse(
        PLUGIN,
        volume.ephemeral ? `waiting for ephemeral volume controller to create the ${what}` : `${what} not found`,
      );
    }
    if (claim.lost === true) {
      return refuse(PLUGIN, `${what} bound to non-existent persistentvolume "${claim.volumeName}"`);
    }
    if (claim.deleting) return refuse(PLUGIN, `${what} is being deleted`);
    const fault = notOwned(pod, [one]);
    if (fault !== undefined) return refuse(PLUGIN, fault);
  }
  const unbound = volumes.flatMap(({ claim }) => (claim === undefined || claim.bound ? [] : [claim]));
  for (const { storageClass } of unbound) {
    if (lookup.storageClass(storageClass)?.modeMissing !== true) continue;
    const text = `VolumeBindingMode not set for StorageClass "${storageClass}"`;
    return fail(PLUGIN, `running PreFilter plugin "${PLUGIN}": ${text}`);
  }
  const immediate = unbound.some((claim) => delayedClass(claim, lookup) === undefined);
  return immediate ? refuse(PLUGIN, 'pod has unbound immediate PersistentVolumeClaims') : undefined;
}

/** Per node; to be asked only when volumeBindingPod has nothing to say. Reasons in the scheduler's order. */
export function volumeBinding(volumes: readonly ClaimedVolume[], context: Context): Refusal | undefined {
  const claims = volumes.flatMap(({ claim }) => claim ?? []);
  const waiting = claims.filter((claim) => !claim.bound);
  const fault = waiting.map((claim) => claimFault(claim)).find((one) => one !== undefined);
  if (fault !== undefined) return fail(PLUGIN, `running "${PLUGIN}" filter plugin: ${fault}`);
  const bound = boundRefusal(
    claims.filter((claim) => claim.bound),
    context,
  );
  const unbound = waiting.length === 0 ? undefined : waitingRefusal(waiting, context);
  const reasons = [UNREACHABLE, NOTHING_TO_BIND, NO_STORAGE_LEFT, NO_VOLUME].filter(
    (reason) => reason === bound || reason === unbound,
  );
  return reasons.length === 0 ? undefined : { plugin: PLUGIN, reasons };
}

/** The first bound claim that cannot be used here decides. */
function boundRefusal(claims: readonly PersistentVolumeClaimObject[], context: Context): string | undefined {
  const { node, lookup } = context;
  for (const claim of claims) {
    const volume = lookup.volume(claim.volumeName);
    if (volume === undefined) return NO_VOLUME;
    const { inTree } = volume;
    const migrated = inTree !== undefined && node.csi?.migrated?.has(inTree) === true;
    if (!reaches(migrated ? migratedAffinity(volume, inTree) : volume.nodeAffinity, node)) return UNREACHABLE;
  }
  return undefined;
}

/** Claims that a node was chosen for are provisioned there. Of the others the smallest go first, each takes the smallest
 *  volume that fits, with no going back, as in the scheduler; those left over are provisioned. */
function waitingRefusal(claims: readonly PersistentVolumeClaimObject[], context: Context): string | undefined {
  const { node, lookup } = context;
  if (claims.some(({ selectedNode }) => selectedNode !== '' && selectedNode !== node.name)) return NOTHING_TO_BIND;
  const toProvision = claims.filter((claim) => claim.selectedNode !== '');
  const toMatch = claims.filter((claim) => claim.selectedNode === '');
  const taken = new Set<string>();
  for (const claim of toMatch.sort((left, right) => left.requestBytes - right.requestBytes)) {
    const found = matchingVolume(claim, { node, lookup, taken });
    if (found === undefined) toProvision.push(claim);
    else taken.add(found.name);
  }
  for (const claim of toProvision) {
    const refusal = provisionRefusal(claim, context);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** The volume that is kept for the claim, else the smallest that suits it. */
function matchingVolume(
  claim: PersistentVolumeClaimObject,
  context: Context & { readonly taken: ReadonlySet<string> },
): PersistentVolumeObject | undefined {
  const { node, lookup, taken } = context;
  const candidates = lookup
    .volumesOfClass(claim.storageClass)
    .filter((volume) => !taken.has(volume.name) && suits(volume, claim));
  const kept = candidates.find((volume) => volume.claimName !== '');
  if (kept !== undefined) return reaches(kept.nodeAffinity, node) ? kept : undefined;
  return candidates.find(
    (volume) =>
      volume.phase === 'Available' &&
      (claim.selector === undefined || selectorMatches(claim.selector, volume.labels)) &&
      reaches(volume.nodeAffinity, node) &&
      claim.accessModes.every((mode) => volume.accessModes.includes(mode)),
  );
}

/** Free or kept for the claim, big enough, and of the claim's kind. */
function suits(volume: PersistentVolumeObject, claim: PersistentVolumeClaimObject): boolean {
  return (
    (volume.claimName === '' || isKeptFor(volume, claim)) &&
    volume.capacityBytes >= claim.requestBytes &&
    (volume.volumeMode ?? FILESYSTEM) === (claim.volumeMode ?? FILESYSTEM) &&
    (volume.attributesClass ?? '') === (claim.attributesClass ?? '') &&
    volume.deleting !== true
  );
}

function isKeptFor(volume: PersistentVolumeObject, claim: PersistentVolumeClaimObject): boolean {
  if (volume.claimName !== claim.name || volume.claimNamespace !== claim.namespace) return false;
  return volume.claimUid === undefined || volume.claimUid === claim.uid;
}

/** Matched on labels alone: the scheduler gives no node name here, so fields say nothing. */
function reaches(affinity: PersistentVolumeObject['nodeAffinity'], node: Pick<NodeFacts, 'labels'>): boolean {
  return affinity === undefined || matchesAnyTerm(affinity, { labels: node.labels });
}

function provisionRefusal(claim: PersistentVolumeClaimObject, context: Context): string | undefined {
  const { node, lookup } = context;
  const storageClass = delayedClass(claim, lookup);
  if (storageClass === undefined) return NOTHING_TO_BIND;
  const { provisioner, allowedTopologies } = storageClass;
  if (provisioner === '' || provisioner === NO_PROVISIONER) return NOTHING_TO_BIND;
  if (allowedTopologies !== undefined && !matchesAnyTerm(allowedTopologies, { labels: node.labels })) {
    return NOTHING_TO_BIND;
  }
  if (claim.sized !== true || lookup.driver(provisioner)?.storageCapacity !== true) return undefined;
  const bytesLeft = lookup.capacities.bytesLeft(storageClass.name, node.labels);
  return bytesLeft !== undefined && bytesLeft >= claim.requestBytes ? undefined : NO_STORAGE_LEFT;
}

function claimFault(claim: PersistentVolumeClaimObject): string | undefined {
  const fault = selectorFault(claim.selector);
  if (fault === undefined) return undefined;
  const key = `${claim.namespace}/${claim.name}`;
  return `error creating internal label selector for claim: ${key}: ${fault}`;
}

/** The class of a claim that waits for its first pod; undefined: it does not wait. */
function delayedClass(claim: PersistentVolumeClaimObject, lookup: VolumeLookup): StorageClassObject | undefined {
  if (claim.volumeName !== '') return undefined;
  const storageClass = lookup.storageClass(claim.storageClass);
  return storageClass?.waitForFirstConsumer === true ? storageClass : undefined;
}
