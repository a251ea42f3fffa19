// What the filters read of a node that does not depend on the pods it runs.
import type { CsiNodeObject, Taint } from '../cluster/cluster-objects.ts';

export interface NodeFacts {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly taints: readonly Taint[];
  readonly unschedulable: boolean;
  /** CSI driver → most volumes; absent = no limit known. */
  readonly volumeLimits: ReadonlyMap<string, number>;
  /** What its kubelet says of CSI; absent: nothing yet. */
  readonly csi?: CsiNodeObject;
  /** Declared features; absent: not known before the node is there. */
  readonly features?: ReadonlySet<string>;
}

/** The node tells of CSI, or nodes like it did. */
export function hasCsiNode(node: NodeFacts): boolean {
  return node.csi !== undefined || node.volumeLimits.size > 0;
}
