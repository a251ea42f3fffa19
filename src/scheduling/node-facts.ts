// What the filters read of a node that does not depend on the pods it runs.
import type { SnapshotNode } from '../cluster/build-snapshot.ts';
import type { CsiNodeObject, Taint } from '../cluster/cluster-objects.ts';

/** CSI drivers are pods themselves: they come some time after the node is Ready, image pulled. A node that another pod is
 *  waiting for must not be bought twice meanwhile. */
const DRIVERS_COME_WITHIN_MS = 300_000;

export interface NodeFacts {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly taints: readonly Taint[];
  readonly unschedulable: boolean;
  /** CSI driver → most volumes; absent = no limit known. */
  readonly volumeLimits: ReadonlyMap<string, number>;
  /** What its kubelet says of CSI; absent: nothing yet. */
  readonly csi?: CsiNodeObject;
  /** CSI drivers on it; absent: not known yet, so that none counts as missing. */
  readonly drivers?: ReadonlySet<string>;
  /** Declared features; absent: not known before the node is there. */
  readonly features?: ReadonlySet<string>;
  /** Of a node that shows no devices yet: the node whose devices it will have the like of; empty: none is known. Absent: it
   *  has those that it shows. */
  readonly devicesLike?: string;
}

/** Drivers of the node may still be on their way: it is one of ours that is coming up, or has just become Ready. */
export function driversPending(node: SnapshotNode, nowMs: number): boolean {
  if (node.upcoming || node.node === undefined) return true;
  return node.claim !== undefined && nowMs - node.node.readyChangedMs < DRIVERS_COME_WITHIN_MS;
}

/** The node tells of CSI, or nodes like it did. */
export function hasCsiNode(node: NodeFacts): boolean {
  return node.csi !== undefined || node.volumeLimits.size > 0;
}
