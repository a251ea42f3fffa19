// NodeVolumeLimits: a CSI driver's limit of volumes per node, counted in distinct volumes of its pods and attachments, and
// drivers that must be on the node.
import type { PodObject, PodShape } from '../cluster/cluster-objects.ts';
import { diskHandle, IN_TREE_PLUGINS } from '../cluster/in-tree-volumes.ts';
import { hasCsiNode, type NodeFacts } from './node-facts.ts';
import type { AttachedVolumes, VolumesOf } from './node-use.ts';
import { fail, type Refusal, refuse } from './refusal.ts';
import { claimedVolumes, notOwned, type VolumeLookup } from './volume-lookup.ts';

const PLUGIN = 'NodeVolumeLimits';
const DRIVER_OF_PLUGIN: ReadonlyMap<string, string> = new Map(
  IN_TREE_PLUGINS.map(({ plugin, driver }) => [plugin, driver]),
);
const DRIVER_OF_DISK: ReadonlyMap<string, string> = new Map(IN_TREE_PLUGINS.map(({ kind, driver }) => [kind, driver]));

const NOTHING: ReadonlyMap<string, number> = new Map();

interface Context {
  readonly node: NodeFacts;
  readonly lookup: VolumeLookup;
}

/** `others`: the pods on the node; `attached`: what they attach, undefined when one of them is at fault. */
export function nodeVolumeLimits(
  shape: PodShape,
  context: Context & {
    readonly others: Iterable<PodObject>;
    readonly attached: (volumesOf: VolumesOf) => AttachedVolumes | undefined;
  },
): Refusal | undefined {
  const { node, others, lookup } = context;
  const wanted = volumesOfShape(shape, context);
  if (wanted.size === 0) return undefined;
  for (const driver of wanted.keys()) {
    if (lookup.driver(driver)?.requiredOnNode === true && node.drivers?.has(driver) === false) {
      return refuse(PLUGIN, `${driver} CSI driver is not installed on the node`);
    }
  }
  if (node.volumeLimits.size === 0) return undefined;
  const attached = context.attached((other) =>
    faultOf(other, lookup) === undefined ? volumesOfShape(other.shape, context) : 'fault',
  );
  if (attached === undefined) return faultRefusal(others, lookup);
  for (const [driver, handles] of wanted) {
    const limit = node.volumeLimits.get(driver);
    if (limit === undefined) continue;
    const already = attached.get(driver) ?? NOTHING;
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

/** The first pod on the node whose volumes the scheduler cannot read. */
function faultRefusal(others: Iterable<PodObject>, lookup: VolumeLookup): Refusal {
  for (const other of others) {
    const fault = faultOf(other, lookup);
    if (fault !== undefined) return fail(PLUGIN, `running "${PLUGIN}" filter plugin: ${fault}`);
  }
  throw new Error('a pod at fault must be on the node');
}

function faultOf(pod: PodObject, lookup: VolumeLookup): string | undefined {
  const { volumes, disks } = pod.shape;
  if (volumes.length === 0 && disks === undefined) return undefined;
  if (volumes.some((volume) => volume.claim === '')) return 'PersistentVolumeClaim had no name';
  return notOwned(pod, claimedVolumes(pod.shape, lookup));
}

/** Driver → volumes. A claim without a volume is counted under its class's provisioner by its own name; what was in-tree
 *  counts only where there is a CSINode. */
function volumesOfShape(shape: PodShape, context: Context): ReadonlyMap<string, ReadonlySet<string>> {
  const { node, lookup } = context;
  const to = new Map<string, Set<string>>();
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
  if (!migrates) return to;
  for (const disk of shape.disks ?? []) {
    const driver = DRIVER_OF_DISK.get(disk.kind);
    if (driver !== undefined) add(driver, diskHandle(disk, undefined));
  }
  return to;
}
