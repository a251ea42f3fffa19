// NodeVolumeLimits: a CSI driver's limit of volumes per node, counted in distinct volumes.
// Not here: VolumeAttachments that no pod explains, drivers that must be installed first.
import type { PodShape } from '../cluster/cluster-objects.ts';
import type { NodeFacts } from './node-facts.ts';
import { type Refusal, refuse } from './refusal.ts';
import { claimedVolumes, type VolumeLookup } from './volume-lookup.ts';

/** In-tree provisioner → the CSI driver that took over. */
const TRANSLATED: ReadonlyMap<string, string> = new Map([['kubernetes.io/cinder', 'cinder.csi.openstack.org']]);

/** `others`: the pods on the node. */
export function nodeVolumeLimits(
  shape: PodShape,
  context: {
    readonly node: NodeFacts;
    readonly others: Iterable<{ readonly shape: PodShape }>;
    readonly lookup: VolumeLookup;
  },
): Refusal | undefined {
  const { node, others, lookup } = context;
  if (shape.volumes.length === 0 || node.volumeLimits.size === 0) return undefined;
  const attached = new Map<string, Set<string>>();
  for (const other of others) addVolumes(attached, { shape: other.shape, lookup });
  const wanted = new Map<string, Set<string>>();
  addVolumes(wanted, { shape, lookup });
  for (const [driver, handles] of wanted) {
    const limit = node.volumeLimits.get(driver);
    if (limit === undefined) continue;
    const already = attached.get(driver) ?? new Set<string>();
    const added = [...handles].filter((handle) => !already.has(handle)).length;
    if (added > 0 && already.size + added > limit) {
      return refuse('NodeVolumeLimits', 'node(s) exceed max volume count');
    }
  }
  return undefined;
}

/** Driver → volumes. A claim without a volume is counted under its class's provisioner by its own name. */
function addVolumes(
  to: Map<string, Set<string>>,
  from: { readonly shape: PodShape; readonly lookup: VolumeLookup },
): void {
  const { shape, lookup } = from;
  for (const { claim } of claimedVolumes(shape, lookup)) {
    if (claim === undefined) continue;
    const volume = claim.volumeName === '' ? undefined : lookup.volume(claim.volumeName);
    const provisioner = lookup.storageClass(claim.storageClass)?.provisioner ?? '';
    const driver = volume === undefined ? (TRANSLATED.get(provisioner) ?? provisioner) : volume.csiDriver;
    if (driver === '') continue;
    const handle = volume === undefined ? `claim ${claim.namespace}/${claim.name}` : `volume ${volume.name}`;
    const handles = to.get(driver);
    if (handles === undefined) to.set(driver, new Set([handle]));
    else handles.add(handle);
  }
}
