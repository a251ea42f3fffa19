// How much of a node is asked for: the figure that scaleDownUtilizationThreshold is compared with.
import type { ClusterSnapshot, SnapshotNode } from '../cluster/build-snapshot.ts';
import type { PodObject, Resources } from '../cluster/cluster-objects.ts';

/** By list of pods: a node that did not change keeps its list from snapshot to snapshot, so a plan adds up the pods of
 *  changed nodes only. */
const known = new WeakMap<readonly PodObject[], { readonly allocatable: Resources; readonly utilization: number }>();

/** Largest of cpu, memory and GPUs requested over allocatable, in [0, 1]. DaemonSet and mirror pods count, as in
 *  cluster-autoscaler and at OVH by default; pods that are on their way out do not. Nothing allocatable: 0. The snapshot has
 *  the sums of most nodes. */
export function utilizationOf({ columns }: ClusterSnapshot, node: SnapshotNode): number {
  const { index, allocatable, pods } = node;
  const { leavingPods, extendedRequested, oddPods, sums } = columns;
  if (!leavingPods.has(index) && !extendedRequested.has(index) && !oddPods.has(index)) {
    const { cpuMillis, memoryBytes } = sums.rowAt(index);
    return Math.min(Math.max(share(cpuMillis, allocatable.cpuMillis), share(memoryBytes, allocatable.memoryBytes)), 1);
  }
  const before = known.get(pods);
  if (before?.allocatable === allocatable) return before.utilization;
  const utilization = mostAskedFor(pods, allocatable);
  known.set(pods, { allocatable, utilization });
  return utilization;
}

function mostAskedFor(pods: readonly PodObject[], allocatable: Resources): number {
  let cpuMillis = 0;
  let memoryBytes = 0;
  const extended = new Map<string, number>();
  for (const pod of pods) {
    if (pod.deleting) continue;
    const { requests } = pod.shape;
    cpuMillis += requests.cpuMillis;
    memoryBytes += requests.memoryBytes;
    if (requests.extended.size === 0) continue;
    for (const [name, amount] of requests.extended) extended.set(name, (extended.get(name) ?? 0) + amount);
  }
  let most = Math.max(share(cpuMillis, allocatable.cpuMillis), share(memoryBytes, allocatable.memoryBytes));
  for (const [name, amount] of allocatable.extended) {
    if (name.endsWith('/gpu')) most = Math.max(most, share(extended.get(name) ?? 0, amount));
  }
  return Math.min(most, 1);
}

function share(requested: number, allocatable: number): number {
  return allocatable > 0 ? requested / allocatable : 0;
}
