// VolumeBinding.
// For the whole pod, claim by claim: it exists, is not Lost, is not being deleted, and that of an ephemeral volume was made for
// this pod. Then none may wait to be bound at once: a claim is bound (volumeName and the bind-completed annotation), or
// delayed (no volumeName, a class with WaitForFirstConsumer), or else it is that. A class without a mode is an error.
// On a node, both said when both hold:
//  - bound claims, the first that fails: its volume exists and its node affinity matches the node's labels. An in-tree volume
//    speaks through its CSI driver's zone label where the CSINode says that its plugin is migrated.
//  - delayed claims: one with a selected node fits there only, and is provisioned. The others, smallest first, each take the
//    smallest volume that suits, with no going back; what finds none is provisioned: a provisioner that can, topologies of
//    the class that match, and where the driver tracks storage, a CSIStorageCapacity of the class whose topology matches
//    the node and that has as much left (maximumVolumeSize, else capacity).
import { classNameOf, claimsOf, inTreeDiskOf, MIGRATED, notOwner } from './pod-volumes.ts';
import { nanosOf, rounded } from './quantity.ts';
import { error, no, type TwinRefusal } from './refusal.ts';
import { isFaulty, matchesAnyTerm, selects } from './selectors.ts';
import type { V1Node, V1NodeSelectorTerm, V1PersistentVolume, V1Pod, V1StorageClass, V1VolumeClaim } from './v1.ts';
import { labelsOf, mapOf, namespaceOf, type World } from './world.ts';

const PLUGIN = 'VolumeBinding';
const UNREACHABLE = "node(s) didn't match PersistentVolume's node affinity";
const NOTHING_TO_BIND = "node(s) didn't find available persistent volumes to bind";
const NO_STORAGE_LEFT = 'node(s) did not have enough free storage';
const NO_VOLUME = 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)';

const ZONE = 'topology.kubernetes.io/zone';
const REGION = 'topology.kubernetes.io/region';
const BETA_ZONE = 'failure-domain.beta.kubernetes.io/zone';
const BETA_REGION = 'failure-domain.beta.kubernetes.io/region';

export function claimTrouble(pod: V1Pod, world: World): TwinRefusal | undefined {
  for (const use of claimsOf(pod, world)) {
    const { claim, ephemeral } = use;
    const what = `persistentvolumeclaim "${use.name}"`;
    if (claim === undefined) {
      return no(
        PLUGIN,
        ephemeral ? `waiting for ephemeral volume controller to create the ${what}` : `${what} not found`,
      );
    }
    if (claim.status?.phase === 'Lost') {
      return no(PLUGIN, `${what} bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"`);
    }
    if (claim.metadata.deletionTimestamp) return no(PLUGIN, `${what} is being deleted`);
    const complaint = notOwner(pod, use);
    if (complaint !== undefined) return no(PLUGIN, complaint);
  }
  const unbound = unboundClaims(pod, world);
  for (const claim of unbound) {
    const storageClass = world.storageClasses.get(classNameOf(claim));
    if (storageClass === undefined || storageClass.volumeBindingMode) continue;
    const text = `VolumeBindingMode not set for StorageClass "${classNameOf(claim)}"`;
    return error(PLUGIN, `running PreFilter plugin "${PLUGIN}": ${text}`);
  }
  const immediate = unbound.some((claim) => delayedClass(claim, world) === undefined);
  return immediate ? no(PLUGIN, 'pod has unbound immediate PersistentVolumeClaims') : undefined;
}

export function volumeBinding(pod: V1Pod, node: V1Node, world: World): TwinRefusal | undefined {
  const unbound = unboundClaims(pod, world);
  const faulty = unbound.find((claim) => isFaulty(claim.spec?.selector));
  if (faulty !== undefined) {
    const start = `running "${PLUGIN}" filter plugin: error creating internal label selector for claim: `;
    return error(PLUGIN, `${start}${namespaceOf(faulty)}/${faulty.metadata.name}: …`);
  }
  const bound = claimsOf(pod, world).flatMap(({ claim }) => (claim !== undefined && isBound(claim) ? [claim] : []));
  const reasons = new Set<string>();
  for (const claim of bound) {
    const reason = boundTrouble(claim, node, world);
    if (reason === undefined) continue;
    reasons.add(reason);
    break;
  }
  const reason = delayedTrouble(unbound, node, world);
  if (reason !== undefined) reasons.add(reason);
  return reasons.size === 0 ? undefined : no(PLUGIN, ...reasons);
}

export function isBound(claim: V1VolumeClaim): boolean {
  return (
    (claim.spec?.volumeName ?? '') !== '' && mapOf(claim.metadata.annotations).has('pv.kubernetes.io/bind-completed')
  );
}

function unboundClaims(pod: V1Pod, world: World): readonly V1VolumeClaim[] {
  return claimsOf(pod, world).flatMap(({ claim }) => (claim === undefined || isBound(claim) ? [] : [claim]));
}

function delayedClass(claim: V1VolumeClaim, world: World): V1StorageClass | undefined {
  if ((claim.spec?.volumeName ?? '') !== '') return undefined;
  const storageClass = world.storageClasses.get(classNameOf(claim));
  return storageClass?.volumeBindingMode === 'WaitForFirstConsumer' ? storageClass : undefined;
}

function boundTrouble(claim: V1VolumeClaim, node: V1Node, world: World): string | undefined {
  const volume = world.volumes.get(claim.spec?.volumeName ?? '');
  if (volume === undefined) return NO_VOLUME;
  const plugin = inTreeDiskOf(volume)?.plugin;
  const csiNode = world.csiNodes.get(node.metadata.name);
  const migrated = mapOf(csiNode?.metadata.annotations).get('storage.alpha.kubernetes.io/migrated-plugins')?.split(',');
  const zoneLabel = plugin !== undefined && migrated?.includes(plugin) ? MIGRATED.get(plugin)?.zoneLabel : undefined;
  const terms = zoneLabel === undefined ? affinityOf(volume) : translatedAffinity(volume, zoneLabel);
  return reaches(terms, node) ? undefined : UNREACHABLE;
}

function affinityOf(volume: V1PersistentVolume): readonly V1NodeSelectorTerm[] | undefined {
  const required = volume.spec?.nodeAffinity?.required ?? undefined;
  return required && (required.nodeSelectorTerms ?? []);
}

/** No node name is given, so matchFields say nothing. */
function reaches(terms: readonly V1NodeSelectorTerm[] | undefined, node: V1Node): boolean {
  return terms === undefined || matchesAnyTerm(terms, { labels: labelsOf(node) });
}

/** The zones of an in-tree volume under the label of its driver: those of its affinity, else those of its zone label, which
 *  then come to every term. Beta names are read where there is no present one; beta regions are renamed with them. */
function translatedAffinity(volume: V1PersistentVolume, zoneLabel: string): readonly V1NodeSelectorTerm[] | undefined {
  const terms = affinityOf(volume);
  const labels = labelsOf(volume);
  const names = (key: string): boolean =>
    (terms ?? []).some((term) => (term.matchExpressions ?? []).some((one) => one.key === key));
  const isBeta = !names(ZONE) && (names(BETA_ZONE) || (!labels.has(ZONE) && labels.has(BETA_ZONE)));
  const source = isBeta ? BETA_ZONE : ZONE;
  const inAffinity = (terms ?? []).some((term) =>
    (term.matchExpressions ?? []).some((one) => one.key === source && (one.values ?? []).length > 0),
  );
  const renames = new Map<string, string>([
    ...(inAffinity ? [[source, zoneLabel] as const] : []),
    ...(isBeta ? [[BETA_REGION, REGION] as const] : []),
  ]);
  const values = (labels.get(source) ?? '').split('__').map((zone) => zone.trim());
  const zones = [...new Set(values.filter((zone) => zone !== ''))];
  const added = inAffinity || zones.length === 0 ? [] : [{ key: zoneLabel, operator: 'In', values: zones }];
  const from = terms === undefined || terms.length === 0 ? (added.length > 0 ? [{}] : terms) : terms;
  return from?.map((term: V1NodeSelectorTerm) => ({
    ...term,
    matchExpressions: [
      ...(term.matchExpressions ?? []).map((one) => ({ ...one, key: renames.get(one.key ?? '') ?? one.key })),
      ...added,
    ],
  }));
}

function delayedTrouble(claims: readonly V1VolumeClaim[], node: V1Node, world: World): string | undefined {
  const selectedNode = (claim: V1VolumeClaim): string =>
    mapOf(claim.metadata.annotations).get('volume.kubernetes.io/selected-node') ?? '';
  if (claims.some((one) => selectedNode(one) !== '' && selectedNode(one) !== node.metadata.name))
    return NOTHING_TO_BIND;
  const toProvision = claims.filter((claim) => selectedNode(claim) !== '');
  const taken = new Set<V1PersistentVolume>();
  const bySize = claims
    .filter((claim) => selectedNode(claim) === '')
    .sort((one, other) => compare(sizeOf(one), sizeOf(other)));
  for (const claim of bySize) {
    const found = volumeFor(claim, { node, world, taken });
    if (found === undefined) toProvision.push(claim);
    else taken.add(found);
  }
  return toProvision.map((claim) => provisionTrouble(claim, node, world)).find((reason) => reason !== undefined);
}

function volumeFor(
  claim: V1VolumeClaim,
  place: { readonly node: V1Node; readonly world: World; readonly taken: ReadonlySet<V1PersistentVolume> },
): V1PersistentVolume | undefined {
  const candidates = [...place.world.volumes.values()]
    .filter(
      (volume) => !place.taken.has(volume) && classNameOf(volume) === classNameOf(claim) && couldServe(volume, claim),
    )
    .sort((one, other) => compare(capacityOf(one), capacityOf(other)));
  const reserved = candidates.find((volume) => isReservedFor(volume, claim));
  if (reserved !== undefined) return reaches(affinityOf(reserved), place.node) ? reserved : undefined;
  return candidates.find(
    (volume) =>
      volume.status?.phase === 'Available' &&
      (!claim.spec?.selector || selects(claim.spec.selector, labelsOf(volume))) &&
      reaches(affinityOf(volume), place.node) &&
      (claim.spec?.accessModes ?? []).every((mode) => (volume.spec?.accessModes ?? []).includes(mode)),
  );
}

/** Free or kept for this claim, big enough, of the same mode and attributes, not going away. */
function couldServe(volume: V1PersistentVolume, claim: V1VolumeClaim): boolean {
  const free = (volume.spec?.claimRef ?? undefined) === undefined || (volume.spec?.claimRef?.name ?? '') === '';
  return (
    (free || isReservedFor(volume, claim)) &&
    capacityOf(volume) >= sizeOf(claim) &&
    (volume.spec?.volumeMode || 'Filesystem') === (claim.spec?.volumeMode || 'Filesystem') &&
    (volume.spec?.volumeAttributesClassName ?? '') === (claim.spec?.volumeAttributesClassName ?? '') &&
    !volume.metadata.deletionTimestamp
  );
}

function isReservedFor(volume: V1PersistentVolume, claim: V1VolumeClaim): boolean {
  const ref = volume.spec?.claimRef ?? undefined;
  if (ref === undefined || ref.name !== claim.metadata.name || (ref.namespace ?? '') !== namespaceOf(claim))
    return false;
  return (ref.uid ?? '') === '' || ref.uid === claim.metadata.uid;
}

function provisionTrouble(claim: V1VolumeClaim, node: V1Node, world: World): string | undefined {
  const storageClass = delayedClass(claim, world);
  const provisioner = storageClass?.provisioner ?? '';
  if (provisioner === '' || provisioner === 'kubernetes.io/no-provisioner') return NOTHING_TO_BIND;
  const topologies = storageClass?.allowedTopologies ?? [];
  const terms = topologies.map((term) => ({
    matchExpressions: (term.matchLabelExpressions ?? []).map((one) => ({ ...one, operator: 'In' })),
  }));
  if (terms.length > 0 && !matchesAnyTerm(terms, { labels: labelsOf(node) })) return NOTHING_TO_BIND;
  const asksForSize = mapOf(claim.spec?.resources?.requests).has('storage');
  const tracked = world.csiDrivers.get(provisioner)?.spec?.storageCapacity === true;
  if (!asksForSize || !tracked) return undefined;
  const enough = world.csiStorageCapacities.some((one) => {
    const most = one.maximumVolumeSize ?? one.capacity ?? undefined;
    return (
      (one.storageClassName ?? '') === classNameOf(claim) &&
      most !== undefined &&
      rounded('storage', nanosOf(most) ?? 0n) >= rounded('storage', sizeOf(claim)) &&
      !isFaulty(one.nodeTopology) &&
      selects(one.nodeTopology, labelsOf(node))
    );
  });
  return enough ? undefined : NO_STORAGE_LEFT;
}

function sizeOf(claim: V1VolumeClaim): bigint {
  return nanosOf(mapOf(claim.spec?.resources?.requests).get('storage') ?? '0') ?? 0n;
}

function capacityOf(volume: V1PersistentVolume): bigint {
  return nanosOf(mapOf(volume.spec?.capacity).get('storage') ?? '0') ?? 0n;
}

function compare(one: bigint, other: bigint): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
