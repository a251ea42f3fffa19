// Pods of kube-system that no PodDisruptionBudget covers: moving DNS or metrics may hurt the whole cluster.
import { podKey, type RemovalRule } from './removal-rule.ts';

/** As in cluster-autoscaler since 2025: a system pod holds its node for an hour, not for ever. */
export const SYSTEM_POD_HOLDS_MS = 3_600_000;

/** Keeps nodes with young uncovered kube-system pods, unless the pod says safe-to-evict=true. */
export const systemPod: RemovalRule = ({ pods, options, budgetsOf, nowMs }) => {
  if (!options.skipNodesWithSystemPods) return undefined;
  const pod = pods.find(
    (candidate) =>
      candidate.namespace === 'kube-system' &&
      candidate.safeToEvict !== true &&
      budgetsOf(candidate) === 0 &&
      nowMs - candidate.createdMs < SYSTEM_POD_HOLDS_MS,
  );
  return pod === undefined
    ? undefined
    : `pod ${podKey(pod)} of kube-system has no PodDisruptionBudget and is younger than an hour`;
};
