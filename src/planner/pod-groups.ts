// Pods that ask for a place, in groups that the scheduler cannot tell apart, and the places that they have been given.
// Order of the groups: priority (higher first), then what a pod is worth (big ones leave the holes that small ones
// fill), then age, then the shape's key, so that the same pods in another order give the same plan.
import type { PodObject, PodShape } from '../cluster/cluster-objects.ts';
import { comparePods, groupPending, type PendingGroup } from '../cluster/pending-groups.ts';
import { compareText } from './claim-facts.ts';
import { requestsWorth } from './price-model.ts';

export interface PodGroup {
  readonly shape: PodShape;
  readonly priority: number;
  readonly worth: number;
  /** Where one pod goes changes where the next may go, or something outside the shape decides (volumes). */
  readonly entangled: boolean;
  readonly ownNode: boolean;
  readonly nominatedNodeName: string;
  /** Wait for a node now; false: run on a node that goes, and need another. */
  readonly pending: boolean;
  /** A new node may be added for them. */
  readonly getsNewNode: boolean;
  /** Oldest first. */
  readonly pods: readonly PodObject[];
  /** How many of `pods`, from the front, have a place. */
  placed: number;
}

/** Groups of what waits (`pending`) and of what must move, in the order in which they are to be served. */
export function demandOf(demand: {
  readonly pending: readonly PendingGroup[];
  readonly displaced: readonly PodObject[];
  readonly rehoused: readonly PodObject[];
}): readonly PodGroup[] {
  const moving = (pods: readonly PodObject[]): readonly PendingGroup[] => groupPending([...pods].sort(comparePods));
  return [
    ...demand.pending.map((group) => podGroup(group, { pending: true, getsNewNode: !group.ownNode })),
    ...moving(demand.displaced).map((group) => podGroup(group, { pending: false, getsNewNode: !group.ownNode })),
    ...moving(demand.rehoused).map((group) => podGroup(group, { pending: false, getsNewNode: false })),
  ].sort(compareGroups);
}

/** The next pod of the group without a place. */
export function nextPod(group: PodGroup): PodObject | undefined {
  return group.pods[group.placed];
}

function podGroup(
  { shape, priority, ownNode, nominatedNodeName, pods }: PendingGroup,
  rights: { readonly pending: boolean; readonly getsNewNode: boolean },
): PodGroup {
  const worth = requestsWorth(shape.requests);
  return {
    shape,
    priority,
    worth,
    entangled: isEntangled(shape),
    ownNode,
    nominatedNodeName,
    pods,
    placed: 0,
    ...rights,
  };
}

/** Where one pod goes may change where the next may go, or something outside the shape decides. */
export function isEntangled(shape: PodShape): boolean {
  return (
    shape.spread.length > 0 ||
    shape.podAffinity.length > 0 ||
    shape.podAntiAffinity.length > 0 ||
    shape.volumes.length > 0 ||
    shape.hostPorts.length > 0 ||
    shape.disks !== undefined ||
    shape.resourceClaims !== undefined
  );
}

function compareGroups(a: PodGroup, b: PodGroup): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.worth !== b.worth) return b.worth - a.worth;
  const age = oldest(a) - oldest(b);
  if (age !== 0) return age;
  // Keys are long; only groups of one shape have the same one.
  if (a.shape !== b.shape && a.shape.key !== b.shape.key) return a.shape.key < b.shape.key ? -1 : 1;
  return (
    Number(b.pending) - Number(a.pending) ||
    Number(b.getsNewNode) - Number(a.getsNewNode) ||
    compareText(a.nominatedNodeName, b.nominatedNodeName) ||
    Number(a.ownNode) - Number(b.ownNode)
  );
}

function oldest(group: PodGroup): number {
  return group.pods[0]?.createdMs ?? 0;
}
