// What would happen if groups of equal pods were scheduled now, group by group, each pod to the next node that takes it.
import type { PodObject, PodShape } from '../cluster/cluster-objects.ts';
import type { ForkedSnapshot } from '../scheduling/forked-snapshot.ts';

/** Equal pods; the first `placed` of them have a place. */
export interface PlaceableGroup {
  readonly shape: PodShape;
  readonly pods: readonly PodObject[];
  readonly placed: number;
}

/** Rounds over pods that wait for others: a chain of affinities longer than this waits for the next plan. */
const ROUNDS_MAX = 8;

/** Places what fits on nodes from `from` up; the fork keeps the placements, and `place` hears of each run of pods on one
 *  node, and has to raise the group's `placed` by its count. Groups with affinity or spread constraints that are left over are tried
 *  again when others came to a node, as they may have waited for them. */
export function placeGroups<Group extends PlaceableGroup>(
  fork: ForkedSnapshot,
  groups: readonly Group[],
  options: {
    readonly from?: number;
    readonly place: (group: Group, run: { readonly node: number; readonly count: number }) => void;
  },
): void {
  if ((options.from ?? 0) >= fork.nodeCount) return;
  let left = groups;
  for (let round = 1; round <= ROUNDS_MAX && left.length > 0; round += 1) {
    let placedAny = false;
    for (const group of left) {
      if (placeGroup(fork, group, options)) placedAny = true;
    }
    if (!placedAny) return;
    left = left.filter((group) => group.placed < group.pods.length && mayOpenLater(group.shape));
  }
}

/** Goes over the nodes, once more after each round in which a node took a pod that could open another one. */
function placeGroup<Group extends PlaceableGroup>(
  fork: ForkedSnapshot,
  group: Group,
  options: {
    readonly from?: number;
    readonly place: (group: Group, run: { readonly node: number; readonly count: number }) => void;
  },
): boolean {
  const start = options.from ?? 0;
  const before = group.placed;
  let cursor = start;
  let inRound = 0;
  for (let pod = group.pods[group.placed]; pod !== undefined; pod = group.pods[group.placed]) {
    const node = fork.firstFit(pod, { from: cursor });
    if (node === -1) {
      if (inRound === 0 || !mayOpenLater(group.shape)) break;
      cursor = start;
      inRound = 0;
      continue;
    }
    const { pods, placed } = group;
    const count = fork.fitsCount(pod, node, { most: pods.length - placed });
    fork.placeMany(pods, node, { from: placed, until: placed + count });
    options.place(group, { node, count });
    inRound += count;
    cursor = node;
  }
  return group.placed > before;
}

/** Only these can find a node open that refused them before, because pods came. */
export function mayOpenLater(shape: PodShape): boolean {
  return shape.podAffinity.length > 0 || shape.spread.length > 0;
}
