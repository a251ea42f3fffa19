// NodeVolumeLimits: how many volumes of a CSI driver a node takes.
// A volume counts once, by driver and handle: a claim's PersistentVolume if it has one (CSI, or in-tree where the node has a
// CSINode), else the provisioner of its class with a handle of its own; inline in-tree disks where there is a CSINode.
// A driver that says preventPodSchedulingIfMissing must be in the node's CSINode. The limit is the CSINode's
// drivers[].allocatable.count; none, no limit. Drivers that the pod brings no new volume of are not looked at.
// A VolumeAttachment of a CSI volume to the node that no pod there explains takes a place as well; the pod's own volume, when
// it is attached already and no pod has it, takes two, as in the scheduler.
import { classNameOf, type ClaimUse, claimsOf, inTreeDisk, inTreeDiskOf, MIGRATED, notOwner } from './pod-volumes.ts';
import { error, no, type TwinRefusal } from './refusal.ts';
import type { V1CsiNode, V1Node, V1Pod } from './v1.ts';
import { namespaceOf, type World } from './world.ts';

const PLUGIN = 'NodeVolumeLimits';

interface Place {
  readonly node: V1Node;
  readonly others: readonly V1Pod[];
  readonly world: World;
}

export function nodeVolumeLimits(pod: V1Pod, { node, others, world }: Place): TwinRefusal | undefined {
  const csiNode = world.csiNodes.get(node.metadata.name);
  const wanted = volumesOf(pod, { csiNode, world });
  for (const driver of new Set(wanted.map((volume) => volume.driver))) {
    const required = world.csiDrivers.get(driver)?.spec?.preventPodSchedulingIfMissing === true;
    const present = (csiNode?.spec?.drivers ?? []).some((one) => one.name === driver);
    if (required && !present) return no(PLUGIN, `${driver} CSI driver is not installed on the node`);
  }
  const limits = limitsOf(csiNode);
  if (wanted.length === 0 || limits.size === 0) return undefined;
  for (const other of others) {
    const complaint = complaintOf(other, claimsOf(other, world));
    if (complaint !== undefined) return error(PLUGIN, `running "${PLUGIN}" filter plugin: ${complaint}`);
  }
  const attached = others.flatMap((other) => volumesOf(other, { csiNode, world }));
  for (const [driver, limit] of limits) {
    const there = new Set(attached.filter((one) => one.driver === driver).map((one) => one.handle));
    const added = new Set(
      wanted.filter((one) => one.driver === driver && !there.has(one.handle)).map((one) => one.handle),
    );
    const unexplained = attachmentsOf(node, driver, world).filter((handle) => !there.has(handle));
    if (added.size > 0 && there.size + new Set(unexplained).size + added.size > limit)
      return no(PLUGIN, 'node(s) exceed max volume count');
  }
  return undefined;
}

function attachmentsOf(node: V1Node, driver: string, world: World): readonly string[] {
  return world.volumeAttachments.flatMap(({ spec }) => {
    const csi = world.volumes.get(spec?.source?.persistentVolumeName ?? '')?.spec?.csi ?? undefined;
    const concerns = spec?.nodeName === node.metadata.name && spec.attacher === driver && csi !== undefined;
    return concerns ? [csi.volumeHandle ?? ''] : [];
  });
}

/** Driver → most volumes. */
export function limitsOf(csiNode: V1CsiNode | undefined): ReadonlyMap<string, number> {
  const limits = new Map<string, number>();
  for (const { name, allocatable } of csiNode?.spec?.drivers ?? []) {
    const count = allocatable?.count;
    if (count !== undefined && count !== null) limits.set(name ?? '', count);
  }
  return limits;
}

export interface AttachedVolume {
  readonly driver: string;
  readonly handle: string;
}

/** The volumes of a pod that count on a node with this CSINode; one may come twice. */
export function volumesOf(
  pod: V1Pod,
  place: { readonly csiNode: V1CsiNode | undefined; readonly world: World },
): readonly AttachedVolume[] {
  const { csiNode, world } = place;
  const migrates = csiNode !== undefined;
  const found = claimsOf(pod, world).flatMap((use) => volumeOfClaim(use, { migrates, world }) ?? []);
  const inline = (pod.spec.volumes ?? []).flatMap((volume) => inTreeDisk(volume, new Map()) ?? []);
  if (migrates) {
    for (const { plugin, handle } of inline) found.push({ driver: MIGRATED.get(plugin)?.driver ?? '', handle });
  }
  return found.filter(({ driver, handle }) => driver !== '' && handle !== '');
}

function volumeOfClaim(
  { claim }: ClaimUse,
  { migrates, world }: { readonly migrates: boolean; readonly world: World },
): AttachedVolume | undefined {
  if (claim === undefined) return undefined;
  const volume = world.volumes.get(claim.spec?.volumeName ?? '');
  const csi = volume?.spec?.csi ?? undefined;
  if (csi !== undefined) return { driver: csi.driver ?? '', handle: csi.volumeHandle ?? '' };
  if (volume !== undefined) {
    const disk = migrates ? inTreeDiskOf(volume) : undefined;
    return disk && { driver: MIGRATED.get(disk.plugin)?.driver ?? '', handle: disk.handle };
  }
  const provisioner = world.storageClasses.get(classNameOf(claim))?.provisioner ?? '';
  const translated = MIGRATED.get(provisioner)?.driver;
  if (translated !== undefined && !migrates) return undefined;
  return { driver: translated ?? provisioner, handle: `to be made for ${namespaceOf(claim)}/${claim.metadata.name}` };
}

function complaintOf(pod: V1Pod, uses: readonly ClaimUse[]): string | undefined {
  if (uses.some((use) => use.name === '')) return 'PersistentVolumeClaim had no name';
  return uses.map((use) => notOwner(pod, use)).find((complaint) => complaint !== undefined);
}
