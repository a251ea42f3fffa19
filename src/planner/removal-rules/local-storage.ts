// Data in emptyDir or hostPath volumes is lost when a pod moves.
import { podKey, type RemovalRule } from './removal-rule.ts';

/** Keeps nodes with such pods, unless the pod says safe-to-evict=true or the operator turned the rule off. */
export const localStorage: RemovalRule = ({ pods, options }) => {
  if (!options.skipNodesWithLocalStorage) return undefined;
  const pod = pods.find((candidate) => candidate.localStorage && candidate.safeToEvict !== true);
  return pod === undefined ? undefined : `pod ${podKey(pod)} has local storage that would be lost`;
};
