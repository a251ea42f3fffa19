// Pending pods in groups that nothing can tell apart when a place is looked for, so that a decision costs by groups.
import type { PodObject, PodShape } from './cluster-objects.ts';

/** Equal shape, equal priority, equal standing towards nodes. */
export interface PendingGroup {
  readonly shape: PodShape;
  readonly priority: number;
  /** Its pods belong to one node each, as a DaemonSet's do: no other node helps them. */
  readonly ownNode: boolean;
  /** The node that somebody has chosen for its pods (the scheduler, while it waits for pods that it preempts there); empty:
   *  none. */
  readonly nominatedNodeName: string;
  /** In the order of the list that was grouped; never empty. */
  readonly pods: readonly PodObject[];
}

/** `pods` in groups; groups and the pods of each keep the order of the list. */
export function groupPending(pods: readonly PodObject[]): readonly PendingGroup[] {
  const groups: (PendingGroup & { readonly pods: PodObject[] })[] = [];
  const byShape = new Map<PodShape, (PendingGroup & { readonly pods: PodObject[] })[]>();
  for (const pod of pods) {
    const { shape, priority } = pod;
    const ownNode = belongsToNode(pod);
    const { nominatedNodeName } = pod;
    const ofShape = byShape.get(shape) ?? [];
    const known = ofShape.find(
      (group) =>
        group.priority === priority && group.ownNode === ownNode && group.nominatedNodeName === nominatedNodeName,
    );
    if (known !== undefined) {
      known.pods.push(pod);
      continue;
    }
    const group = { shape, priority, ownNode, nominatedNodeName, pods: [pod] };
    groups.push(group);
    ofShape.push(group);
    byShape.set(shape, ofShape);
  }
  return groups;
}

/** Stays with its node: a DaemonSet's or the kubelet's own. */
export function belongsToNode(pod: PodObject): boolean {
  return pod.mirror || pod.controller?.kind === 'DaemonSet';
}

/** Queue order: priority, age, then name. */
export function comparePods(a: PodObject, b: PodObject): number {
  return b.priority - a.priority || a.createdMs - b.createdMs || byKey(a, b);
}

/** Order of pods by namespace and name, code unit by code unit. */
export function byKey(left: PodObject, right: PodObject): number {
  if (left.namespace !== right.namespace) return left.namespace < right.namespace ? -1 : 1;
  if (left.name !== right.name) return left.name < right.name ? -1 : 1;
  return left.uid < right.uid ? -1 : left.uid > right.uid ? 1 : 0;
}
