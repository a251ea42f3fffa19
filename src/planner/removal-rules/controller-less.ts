// A pod that nothing would make again, or that only a controller which we do not know would.
import { podKey, type RemovalRule } from './removal-rule.ts';

/** Controllers that Kubernetes ships and that replace an evicted pod. */
const KNOWN_CONTROLLERS: ReadonlySet<string> = new Set([
  'ReplicaSet',
  'ReplicationController',
  'StatefulSet',
  'Job',
  'DaemonSet',
]);

/** Keeps nodes with pods that would not come back, unless the pod says safe-to-evict=true. */
export const controllerLess: RemovalRule = ({ pods, options }) => {
  for (const pod of pods) {
    if (pod.safeToEvict === true) continue;
    if (pod.controller === undefined) return `pod ${podKey(pod)} has no controller that would make it again`;
    if (options.skipNodesWithCustomControllerPods && !KNOWN_CONTROLLERS.has(pod.controller.kind)) {
      return `pod ${podKey(pod)} belongs to a ${pod.controller.kind}, which may not make it again`;
    }
  }
  return undefined;
};
