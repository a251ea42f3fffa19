// NodeAffinity: every label of nodeSelector is on the node with that very value, and, when the pod has a required node
// affinity, one of its terms matches. A list without terms matches nothing.
import { no, type TwinRefusal } from './refusal.ts';
import { matchesAnyTerm } from './selectors.ts';
import type { V1Node, V1Pod } from './v1.ts';
import { labelsOf, mapOf } from './world.ts';

export function nodeAffinity(pod: V1Pod, node: V1Node): TwinRefusal | undefined {
  return wantsNode(pod, node) ? undefined : no('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
}

export function wantsNode(pod: V1Pod, node: V1Node): boolean {
  const labels = labelsOf(node);
  for (const [key, value] of mapOf(pod.spec.nodeSelector)) if (labels.get(key) !== value) return false;
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? undefined;
  if (required === undefined) return true;
  return matchesAnyTerm(required.nodeSelectorTerms ?? [], { name: node.metadata.name, labels });
}
