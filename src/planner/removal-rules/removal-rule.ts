// What a removal rule is asked: may this node be emptied by choice? Each rule looks at one thing and answers with the
// reason to keep the node, in words for its user, or undefined. The rules know nothing of room elsewhere or of timers.
import type { NodePool } from '../../api/node-pool.ts';
import type { PodObject } from '../../cluster/cluster-objects.ts';
import type { SnapshotNode } from '../../cluster/build-snapshot.ts';

export interface RemovalOptions {
  /** Keep nodes with pods that hold local data. */
  readonly skipNodesWithLocalStorage: boolean;
  /** Keep nodes with young kube-system pods that no PodDisruptionBudget covers. */
  readonly skipNodesWithSystemPods: boolean;
  /** Keep nodes with pods of controllers that Kubernetes does not ship. */
  readonly skipNodesWithCustomControllerPods: boolean;
}

export interface RemovalQuestion {
  readonly nowMs: number;
  readonly pool: NodePool;
  readonly node: SnapshotNode;
  /** Pods that would be evicted: not the node's own, not finished, not on their way out, not expendable. */
  readonly pods: readonly PodObject[];
  readonly options: RemovalOptions;
  /** How many PodDisruptionBudgets select this pod. */
  readonly budgetsOf: (pod: PodObject) => number;
}

export type RemovalRule = (question: RemovalQuestion) => string | undefined;

/** `namespace/name`, as kubectl users write it. */
export function podKey(pod: PodObject): string {
  return `${pod.namespace}/${pod.name}`;
}
