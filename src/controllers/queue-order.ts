// In which order kube-scheduler tries the pods that wait, as far as it can be told from outside.
import type { PodObject } from '../cluster/cluster-objects.ts';

/** The pod that the scheduler tries first, of those planned for a node. `dealt`: pods that are to get its name instead. */
export function firstInQueue(
  planned: readonly PodObject[],
  dealt: readonly PodObject[] | undefined,
): PodObject | undefined {
  const pods = dealt === undefined ? planned : [...planned.filter(isNamed), ...dealt];
  return pods.reduce<PodObject | undefined>(
    (first, pod) => (first === undefined || inQueue(pod, first) < 0 ? pod : first),
    undefined,
  );
}

/** The scheduler takes the most important ones first, then those that wait longest since their last try, which it writes to
 *  the pod. Names are written in that order too, so that those with a name come before those without. */
export function inQueue(left: PodObject, right: PodObject): number {
  return (
    right.priority - left.priority || Number(isNamed(right)) - Number(isNamed(left)) || left.version - right.version
  );
}

function isNamed({ nominatedNodeName }: PodObject): boolean {
  return nominatedNodeName !== '';
}
