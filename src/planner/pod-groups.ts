// Pods that wait, put into groups that the scheduler cannot tell apart: same shape, same priority.
// Order of the groups: priority (higher first), then what a pod is worth (big ones leave the holes that small ones
// fill), then age, then the shape's key, so that the same pods in another order give the same plan.
import type { PodObject, PodShape } from '../cluster/cluster-objects.ts';
import { compareText } from './claim-facts.ts';
import { requestsWorth } from './price-model.ts';

export interface PodGroup {
  readonly shape: PodShape;
  readonly priority: number;
  readonly worth: number;
  /** Where one pod goes changes where the next may go, or something outside the shape decides (volumes). */
  readonly entangled: boolean;
  /** Oldest first. */
  readonly pods: readonly PodObject[];
  /** How many of `pods`, from the front, have a place. */
  placed: number;
}

/** `pods` in groups, in the order in which they are to be served. */
export function groupPods(pods: readonly PodObject[]): readonly PodGroup[] {
  const groups = new Map<string, PodObject[]>();
  for (const pod of pods) {
    const key = `${pod.priority}/${pod.shape.index}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [pod]);
    else known.push(pod);
  }
  return [...groups.values()]
    .map((members) => groupOf(members.sort(comparePods)))
    .sort(
      (a, b) =>
        b.priority - a.priority || b.worth - a.worth || oldest(a) - oldest(b) || compareText(a.shape.key, b.shape.key),
    );
}

/** The next pod of the group without a place. */
export function nextPod(group: PodGroup): PodObject | undefined {
  return group.pods[group.placed];
}

/** Queue order: priority, age, then name. */
export function comparePods(a: PodObject, b: PodObject): number {
  return (
    b.priority - a.priority ||
    a.createdMs - b.createdMs ||
    compareText(a.namespace, b.namespace) ||
    compareText(a.name, b.name) ||
    compareText(a.uid, b.uid)
  );
}

function groupOf(members: readonly PodObject[]): PodGroup {
  const [first] = members;
  if (first === undefined) throw new Error('A pod group must have a pod');
  const { shape, priority } = first;
  const entangled =
    shape.spread.length > 0 ||
    shape.podAffinity.length > 0 ||
    shape.podAntiAffinity.length > 0 ||
    shape.volumes.length > 0;
  return { shape, priority, worth: requestsWorth(shape.requests), entangled, pods: members, placed: 0 };
}

function oldest(group: PodGroup): number {
  return group.pods[0]?.createdMs ?? 0;
}
