// Is a packing possible, told from the workload's own words and the nodes alone? Reads none of the product's code. Slow and
// plain: totals per node, then an order in which every pod may be put where the packing has it, all nodes being there.
// kube-scheduler places one pod at a time, so a packing is possible when such an order exists; it is looked for greedily.
import type { NodeType, Workload, WorkloadGroup } from '../../bench/inputs/read-workload.ts';
import { findOrder, type PlacedGroup } from './placing-order.ts';

/** A node of the packing with the numbers of its pods. */
export interface PackedNode {
  readonly type: string;
  readonly zone: string;
  readonly pods: readonly number[];
}

export interface Packing {
  readonly workload: Workload;
  readonly types: readonly NodeType[];
  readonly zones: readonly string[];
  readonly nodes: readonly PackedNode[];
  /** Pods that have no node. */
  readonly unplaced: readonly number[];
  /** The others, in an order in which they are said to have been put down; absent: nobody told one. */
  readonly order?: readonly number[];
}

/** What is wrong with the packing, in words; empty when it can be carried out as it is. */
export function verifyPacking(packing: Packing): readonly string[] {
  const groupOfPod = groupNumbers(packing.workload);
  const wrong = [...everyPodOnce(packing), ...everyNodeKnown(packing)];
  if (wrong.length > 0) return wrong;
  const perNode = packing.nodes.map((node) => countsOf(node, groupOfPod));
  const types = new Map(packing.types.map((type) => [type.name, type]));
  packing.nodes.forEach((node, index) => {
    const type = types.get(node.type);
    const counts = perNode[index];
    if (type !== undefined && counts !== undefined) {
      wrong.push(
        ...overCapacity(type, counts, packing.workload).map((what) => `node ${index} (${node.type}): ${what}`),
      );
    }
  });
  if (wrong.length > 0) return wrong;
  return packing.workload.groups.every(isFree) ? [] : placeable(packing, perNode);
}

function isFree(group: WorkloadGroup): boolean {
  return group.kind === 'generic';
}

function groupNumbers(workload: Workload): readonly number[] {
  return workload.groups.flatMap((group, index) => Array.from({ length: group.count }, () => index));
}

function everyPodOnce({ workload, nodes, unplaced }: Packing): readonly string[] {
  const seen = new Uint8Array(workload.pods);
  const wrong: string[] = [];
  for (const pod of [...nodes.flatMap((node) => node.pods), ...unplaced]) {
    if (!Number.isInteger(pod) || pod < 0 || pod >= workload.pods) wrong.push(`there is no pod ${pod}`);
    else if (seen[pod] === 1) wrong.push(`pod ${pod} is there twice`);
    else seen[pod] = 1;
  }
  const missing = seen.indexOf(0);
  return missing === -1 ? wrong : [...wrong, `pod ${missing} has neither a node nor is it told that it has none`];
}

function everyNodeKnown({ types, zones, nodes }: Packing): readonly string[] {
  const names = new Set(types.map((type) => type.name));
  return nodes.flatMap((node, index) => [
    ...(names.has(node.type) ? [] : [`node ${index} is of type '${node.type}', which is not offered`]),
    ...(zones.includes(node.zone) ? [] : [`node ${index} is in zone '${node.zone}', which is not offered`]),
  ]);
}

/** Group → how many of its pods. */
function countsOf(node: PackedNode, groupOfPod: readonly number[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const pod of node.pods) {
    const group = groupOfPod[pod] ?? -1;
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  return counts;
}

function overCapacity(type: NodeType, counts: ReadonlyMap<number, number>, workload: Workload): readonly string[] {
  const sum = { cpuMillis: 0, memoryMiB: 0, gpus: 0, pods: 0 };
  for (const [index, count] of counts) {
    const group = workload.groups[index];
    if (group === undefined) continue;
    sum.cpuMillis += group.cpuMillis * count;
    sum.memoryMiB += group.memoryMiB * count;
    sum.gpus += group.gpus * count;
    sum.pods += count;
  }
  const axes = ['cpuMillis', 'memoryMiB', 'gpus', 'pods'] as const;
  return axes.filter((axis) => sum[axis] > type[axis]).map((axis) => `${axis} ${sum[axis]} of ${type[axis]}`);
}

/** Pod by pod, each that has a node once: an order that says less or more is none. */
function saidOrder({ workload, nodes, order }: Packing): readonly PlacedGroup[] | undefined {
  const nodeOf = new Map(nodes.flatMap(({ pods }, node) => pods.map((pod) => [pod, node] as const)));
  if (order === undefined || order.length !== nodeOf.size || new Set(order).size !== order.length) return undefined;
  const groupOf = groupNumbers(workload);
  return order.flatMap((pod) => {
    const [group, node] = [groupOf[pod], nodeOf.get(pod)];
    return group === undefined || node === undefined ? [] : [{ group, node, count: 1 }];
  });
}

function placeable(packing: Packing, perNode: readonly ReadonlyMap<number, number>[]): readonly string[] {
  const placed: PlacedGroup[] = perNode.flatMap((counts, node) =>
    [...counts].map(([group, count]) => ({ group, node, count })),
  );
  const scene = {
    groups: packing.workload.groups,
    zoneOfNode: packing.nodes.map((node) => packing.zones.indexOf(node.zone)),
    zones: packing.zones.length,
    placed,
  };
  const stuck = findOrder(scene, saidOrder(packing));
  return stuck.map(({ group, node, count }) => {
    const { kind = '', selector = '' } = packing.workload.groups[group] ?? {};
    return `${count} pods of group ${group} (${kind} ${selector}) may not be put on node ${node} in any order tried`;
  });
}
