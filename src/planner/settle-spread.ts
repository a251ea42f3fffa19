// New nodes are packed one after another, and each later one is a domain more for topology spread: ten pods that one node
// could hold as long as it was the only one are too many there once a second stands beside it, and the scheduler would leave
// them pending. So what was packed is put down again with all new nodes there from the start, pods with spread constraints
// or affinity first: they keep their node as far as the constraints allow, and go to another new node where they do not.
// The others keep their nodes as far as there is room. What has no place then gets further nodes.
import { LABELS } from '../api/names.ts';
import type { LabelSelector, PodObject } from '../cluster/cluster-objects.ts';
import { selectorMatches } from '../cluster/label-selector.ts';
import { mayOpenLater } from '../simulation/place-groups.ts';
import { fillNewNodes, packNewNodes } from './pack-new-nodes.ts';
import { countNewNodes, giveNewNode, type NewNode, type PlanDraft, reforkNodes, splitNodes } from './plan-draft.ts';
import type { PodRange } from './plan.ts';
import { nextPod, type PodGroup } from './pod-groups.ts';

/** Each round may add nodes, which are domains more again; what is left after the last waits for the next plan. */
const ROUNDS_MAX = 4;
/** Looks of a pod at a node, over all rounds: a second or so. */
const TRIES_MAX = 1_000_000;

interface Start {
  readonly mark: number;
  readonly podRuns: number;
  /** Of the nodes that this plan had added before: how many ranges of pods they had. */
  readonly ranges: readonly number[];
  /** Of each group in turn, how many pods had a place. */
  readonly placed: Int32Array;
}

interface Settling {
  readonly draft: PlanDraft;
  readonly start: Start;
  readonly groups: readonly PodGroup[];
  /** Pods whose places depend on where others are. */
  readonly moving: readonly PodGroup[];
  triesLeft: number;
}

/** As packNewNodes, and what it places holds when all new nodes are there. */
export function packSettled(draft: PlanDraft, groups: readonly PodGroup[], all: readonly PodGroup[]): void {
  const start: Start = {
    mark: draft.fork.mark(),
    podRuns: draft.podRuns.length,
    ranges: draft.newNodes.map((node) => node.pods.length),
    placed: new Int32Array(groups.map((group) => group.placed)),
  };
  const plain = packNewNodes(draft, groups, all);
  const moving = groups.filter((group) => mayOpenLater(group.shape) && !plain.has(group));
  const settling: Settling = { draft, start, groups, moving, triesLeft: TRIES_MAX };
  for (let round = 1; round <= ROUNDS_MAX && dependsOnNodes(settling); round += 1) {
    splitNodes(draft);
    const nodes = draft.newNodes.length;
    settle(settling);
    const left = groups.filter((group) => nextPod(group) !== undefined);
    if (left.length === 0) return;
    if (settling.triesLeft <= 0)
      draft.cutShort.add(`settling pods that spread stopped after ${TRIES_MAX} looks at a node`);
    if (round === ROUNDS_MAX || settling.triesLeft <= 0) return;
    packNewNodes(draft, left, all);
    if (draft.newNodes.length === nodes) return;
  }
}

/** Pods with spread constraints came to new nodes, which form several domains of some constraint. */
function dependsOnNodes({ draft, start, groups, moving }: Settling): boolean {
  if (moving.length === 0) return false;
  const mayMove = new Set(moving);
  const keys = new Set<string>();
  for (const [at, group] of groups.entries()) {
    if (group.placed === start.placed[at] || !mayMove.has(group)) continue;
    for (const { topologyKey } of group.shape.spread) keys.add(topologyKey);
  }
  return [...keys].some((key) => {
    if (key === LABELS.hostname) return countNewNodes(draft) > 1;
    return new Set(draft.newNodes.map(({ offer }) => offer.template.labels.get(key) ?? '')).size > 1;
  });
}

/** Pods of one group on one node, as they were packed. */
interface Run {
  readonly group: PodGroup;
  readonly node: NewNode;
  /** In the fork, once all nodes are there. */
  readonly index: number;
  left: number;
}

function settle(settling: Settling): void {
  const { draft, groups, moving } = settling;
  const runs = takeOff(settling);
  const mayMove = new Set(moving);
  // Those with affinity alone first: they count for the constraints of the others, and would come too late to be seen.
  const isSpread = ({ group }: Run): boolean => group.shape.spread.length > 0;
  const bound = runs.filter(({ group }) => mayMove.has(group));
  const waiting = [...bound.filter((run) => !isSpread(run)), ...bound.filter(isSpread)];
  const moveAll = (): void => {
    do {
      while (keepNodes(settling, waiting));
    } while (moveOn(settling));
  };
  // Pods that the constraints count, first: whatever order the scheduler takes, nobody counts too few.
  const counted = countedBy(moving);
  const isCounted = new Set(groups.filter((group) => !mayMove.has(group) && counted(group)));
  keepNodes(
    settling,
    runs.filter(({ group }) => isCounted.has(group)),
  );
  moveAll();
  // The others have what room that leaves: on their own nodes as before, or on those that pods moved away from.
  keepNodes(
    settling,
    runs.filter(({ group }) => !mayMove.has(group) && !isCounted.has(group)),
  );
  for (const group of groups) if (!mayMove.has(group)) fillNewNodes(draft, group);
  // Affinity may have waited for them.
  moveAll();
}

/** Whether some of the groups counts the pods of another one for its spread. */
function countedBy(moving: readonly PodGroup[]): (group: PodGroup) => boolean {
  const constraints = new Map<string, { readonly namespace: string; readonly selector: LabelSelector | undefined }>();
  for (const { shape } of moving) {
    const { namespace } = shape;
    for (const { selector } of shape.spread)
      constraints.set(JSON.stringify([namespace, selector]), { namespace, selector });
  }
  return ({ shape }) =>
    [...constraints.values()].some(
      ({ namespace, selector }) => shape.namespace === namespace && selectorMatches(selector, shape.labels),
    );
}

/** Takes everything back to the start, but for the nodes, which stand again in the same order. */
function takeOff({ draft, start, groups }: Settling): readonly Run[] {
  const groupOf = new Map<PodRange['pods'], PodGroup>(groups.map((group) => [group.pods, group]));
  const runs: Run[] = [];
  const first = draft.snapshot.nodes.length;
  draft.newNodes.forEach((node, position) => {
    for (const { pods, from, to } of node.pods.splice(start.ranges[position] ?? 0)) {
      const group = groupOf.get(pods);
      if (group !== undefined) runs.push({ group, node, index: first + position, left: to - from });
    }
  });
  draft.podRuns.length = start.podRuns;
  groups.forEach((group, at) => (group.placed = start.placed[at] ?? 0));
  reforkNodes(draft, { mark: start.mark, standing: start.ranges.length });
  return runs;
}

/** Each as many as its node now takes; true when some came, because then others may follow. */
function keepNodes(settling: Settling, runs: readonly Run[]): boolean {
  const { draft } = settling;
  let moved = false;
  for (const run of runs) {
    while (run.left > 0 && settling.triesLeft > 0) {
      const { pods, placed } = run.group;
      const pod = pods[placed];
      settling.triesLeft -= 1;
      // Some of the run's pods may have moved to other nodes since.
      const most = Math.min(run.left, pods.length - placed);
      const count = pod === undefined ? 0 : draft.fork.fitsCount(pod, run.index, { most });
      if (count === 0) break;
      draft.fork.placeMany(pods, run.index, { from: placed, until: placed + count });
      giveNewNode(draft, run.group, { node: run.node, count });
      run.left -= count;
      moved = true;
    }
  }
  return moved;
}

/** Pods that their nodes do not take any more, to other new nodes that do; true when some found one. */
function moveOn(settling: Settling): boolean {
  let moved = false;
  for (const group of settling.moving) {
    // Each search goes on where the last one of the group ended: spread wants the next node more often than the same.
    let at = settling.draft.snapshot.nodes.length;
    for (let pod = nextPod(group); pod !== undefined && settling.triesLeft > 0; pod = nextPod(group)) {
      const found = firstFrom(settling, pod, at);
      const node = settling.draft.newNodes[found - settling.draft.snapshot.nodes.length];
      if (node === undefined) break;
      at = found;
      settling.draft.fork.place(pod, found);
      giveNewNode(settling.draft, group, { node, count: 1 });
      moved = true;
    }
  }
  return moved;
}

/** Index of a new node that takes the pod, searched from `at` on and then from the first one; −1: none. */
function firstFrom(settling: Settling, pod: PodObject, at: number): number {
  const { fork, snapshot, newNodes } = settling.draft;
  const first = snapshot.nodes.length;
  const found = fork.firstFit(pod, { from: at });
  settling.triesLeft -= found === -1 ? first + newNodes.length - at : found - at + 1;
  if (found !== -1 || at === first) return found;
  settling.triesLeft -= at - first;
  return fork.firstFit(pod, { from: first, until: at });
}
