// NodeVolumeLimits: a CSI driver's limit of volumes per node, counted in distinct volumes of its pods and attachments, and
// drivers that must be on the node.
import type { PodObject, PodShape } from '../cluster/cluster-objects.ts';
import { diskHandle, IN_TREE_PLUGINS } from '../cluster/in-tree-volumes.ts';
import { hasCsiNode, type NodeFacts } from './node-facts.ts';
import { fail, type Refusal, refuse } from './refusal.ts';
import { claimedVolumes, notOwned, type VolumeLookup } from './volume-lookup.ts';

const PLUGIN = 'NodeVolumeLimits';
const DRIVER_OF_PLUGIN: ReadonlyMap<string, string> = new Map(
  IN_TREE_PLUGINS.map(({ plugin, driver }) => [plugin, driver]),
);
const DRIVER_OF_DISK: ReadonlyMap<string, string> = new Map(IN_TREE_PLUGINS.map(({ kind, driver }) => [kind, driver]));

interface Context {
  readonly node: NodeFacts;
  readonly lookup: VolumeLookup;
}

/** `others`: the pods on the node. */
export function nodeVolumeLimits(
  shape: PodShape,
  context: Context & { readonly others: Iterable<PodObject> },
): Refusal | undefined {
  const { node, others, lookup } = context;
  const wanted = new Map<string, Set<string>>();
  addVolumes(wanted, shape, context);
  if (wanted.size === 0) return undefined;
  for (const driver of wanted.keys()) {
    if (lookup.driver(driver)?.requiredOnNode === true && node.drivers?.has(driver) === false) {
      return refuse(PLUGIN, `${driver} CSI driver is not installed on the node`);
    }
  }
  if (node.volumeLimits.size === 0) return undefined;
  const attached = new Map<string, Set<string>>();
  for (const other of others) {
    if (other.shape.volumes.length === 0 && other.shape.disks === undefined) continue;
    const unnamed = other.shape.volumes.some((volume) => volume.claim === '');
    const fault = unnamed ? 'PersistentVolumeClaim had no name' : notOwned(other, claimedVolumes(other.shape, lookup));
    if (fault !== undefined) return fail(PLUGIN, `running "${PLUGIN}" filter plugin: ${fault}`);
    addVolumes(attached, other.shape, context);
  }
  for (const [driver, handles] of wanted) {
    const limit = node.volumeLimits.get(driver);
    if (limit === undefined) continue;
    const already = attached.get(driver) ?? new Set<string>();
    const added = [...handles].filter((handle) => !already.has(handle)).length;
    if (added === 0) continue;
    // As in the scheduler, one that is attached already but that no pod here uses counts as new beside itself.
    const unexplained = [...(lookup.attached(node.name).get(driver) ?? [])].filter((handle) => !already.has(handle));
    if (already.size + unexplained.length + added > limit) {
      return refuse(PLUGIN, 'node(s) exceed max volume count');
    }
  }
  return undefined;
}

/** Driver → volumes. A claim without a volume is counted under its class's provisioner by its own name; what was in-tree
 *  counts only where there is a CSINode. */
function addVolumes(to: Map<string, Set<string>>, shape: PodShape, context: Context): void {
  const { node, lookup } = context;
  const migrates = hasCsiNode(node);
  const add = (driver: string, handle: string): void => {
    if (driver === '' || handle === '') return;
    const handles = to.get(driver);
    if (handles === undefined) to.set(driver, new Set([handle]));
    else handles.add(handle);
  };
  for (const { claim } of claimedVolumes(shape, lookup)) {
    if (claim === undefined) continue;
    const volume = claim.volumeName === '' ? undefined : lookup.volume(claim.volumeName);
    if (volume !== undefined) {
      if (volume.inTree !== undefined && !migrates) continue;
      add(volume.csiDriver, volume.csiHandle ?? volume.name);
      continue;
    }
    const provisioner = lookup.storageClass(claim.storageClass)?.provisioner ?? '';
    const translated = DRIVER_OF_PLUGIN.get(provisioner);
    if (translated !== undefined && !migrates) continue;
    // A space keeps it apart from handles, which have none.
    add(translated ?? provisioner, `claim ${claim.namespace}/${claim.name}`);
  }
  if (!migrates) return;
  for (const disk of shape.disks ?? []) {
    const driver = DRIVER_OF_DISK.get(disk.kind);
    if (driver !== undefined) add(driver, diskHandle(disk, undefined));
  }
}
