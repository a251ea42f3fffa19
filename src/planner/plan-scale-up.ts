// Phase: every pending pod gets a place or a reason. Nodes that stand first, then nodes that are coming up, then nodes
// that this plan adds. Pods that must leave a draining node ask like pending ones: else the same room is given twice.
import { placeGroups } from '../simulation/place-groups.ts';
import { amendFirstRound } from './amend-first-round.ts';
import { openExplainer } from './explain-left-pods.ts';
import { packByImportance } from './pack-by-importance.ts';
import { giveNewNode, givePlaces, type PlanDraft } from './plan-draft.ts';
import { awaitedPods, LOOKS_MAX, placeAwaited } from './planned-pods.ts';
import { demandOf, nextPod, type PodGroup } from './pod-groups.ts';

/** Cluster-autoscaler's default: pods below it are filler that must not cost anything. */
const EXPENDABLE_CUTOFF_DEFAULT = -10;

/** Looks of a group at the node that is named to it, over one plan: some 100 ms. */
const NAMED_LOOKS_MAX = 100_000;

/** Priority below which a pod neither causes scale-up nor keeps a node. */
export function expendableCutoff(draft: PlanDraft): number {
  return draft.objects.cluster.spec.autoscaler?.expendablePodsPriorityCutoff ?? EXPENDABLE_CUTOFF_DEFAULT;
}

/** Places or explains every pending pod. Leaves the fork with all of them where the plan wants them. */
export function planScaleUp(draft: PlanDraft): void {
  const cutoff = expendableCutoff(draft);
  const groups = demandOf({ pending: draft.snapshot.pendingGroups, ...draft });
  placeAllNominated(draft, groups);
  const asking = groups.filter((group) => nextPod(group) !== undefined);
  placeOnStanding(
    draft,
    asking.filter((group) => group.priority >= cutoff),
    groups.filter((group) => group.nominatedNodeName !== '' && group.placed > 0),
  );
  packByImportance(
    draft,
    asking.filter((group) => group.priority >= cutoff && group.getsNewNode && nextPod(group) !== undefined),
    groups,
  );
  amendFirstRound(draft, groups);
  // Expendable ones after all others: they take what room is left and never more.
  placeAnywhere(
    draft,
    asking.filter((group) => group.priority < cutoff && group.pending),
  );
  const explain = openExplainer(draft, { cutoff });
  for (const group of groups) {
    const pod = nextPod(group);
    if (pod === undefined || !group.pending) continue;
    givePlaces(draft, group, {
      count: group.pods.length - group.placed,
      outcome: 'unplaceable',
      target: '',
      refusals: explain(pod),
    });
  }
}

/** Room on nodes that stand or are coming up. Of one priority, first whom a node was made for, then the others; a more
 *  important pod that came later goes before both, as in the scheduler's queue. `named`: those that have their place. */
function placeOnStanding(draft: PlanDraft, groups: readonly PodGroup[], named: readonly PodGroup[]): void {
  const awaited = awaitedPods(draft, groups, named);
  if (awaited.length > 0) {
    const looks = { left: LOOKS_MAX };
    for (const priority of new Set(groups.map((group) => group.priority))) {
      const band = awaited.filter((one) => one.priority === priority);
      placeAwaited(draft, band, { looks, give: (group, at) => giveNode(draft, group, at) });
      placeAnywhere(
        draft,
        groups.filter((group) => group.priority === priority),
      );
    }
  }
  placeAnywhere(draft, groups);
}

function placeAnywhere(draft: PlanDraft, groups: readonly PodGroup[]): void {
  placeGroups(draft.fork, groups, {
    place: (group, { node, count }) => giveNode(draft, group, { index: node, count }),
  });
}

/** Again as long as one pod lets in another: those of a spread rule were named for the order of the scheduler's queue. */
function placeAllNominated(draft: PlanDraft, groups: readonly PodGroup[]): void {
  let open = groups.filter((group) => group.nominatedNodeName !== '');
  for (let looksLeft = NAMED_LOOKS_MAX; open.length > 0; looksLeft -= open.length) {
    if (looksLeft < 0) {
      draft.cutShort.add(`pods were placed on the nodes named to them up to ${NAMED_LOOKS_MAX} looks at a node`);
      return;
    }
    const before = countPlaced(open);
    for (const group of open) placeNominated(draft, group);
    if (countPlaced(open) === before) return;
    open = open.filter((group) => group.entangled && nextPod(group) !== undefined);
  }
}

function countPlaced(groups: readonly PodGroup[]): number {
  return groups.reduce((sum, { placed }) => sum + placed, 0);
}

/** A node is named already: by the scheduler, which waits for the pods that it preempts there, or by us, to have the plan
 *  carried out as it is. No other node is needed, unless that one is gone or has no room and nobody whom the pod could
 *  preempt: the scheduler does not take our names back. */
function placeNominated(draft: PlanDraft, group: PodGroup): void {
  const index = draft.snapshot.nodeIndexByName.get(group.nominatedNodeName);
  const node = index === undefined ? undefined : draft.snapshot.nodes[index];
  if (index === undefined || node?.node === undefined || !draft.fork.isOpen(index)) return;
  for (let pod = nextPod(group); pod !== undefined; pod = nextPod(group)) {
    if (draft.fork.whyNot(pod, index) === undefined) {
      draft.fork.place(pod, index);
      giveNode(draft, group, { index, count: 1 });
    } else if (!node.pods.some(({ priority }) => priority < group.priority)) {
      return;
    } else {
      givePlaces(draft, group, { count: 1, outcome: 'waitingForPreemption', target: node.name, refusals: [] });
    }
  }
}

/** `index` in the fork: a node of the snapshot or one that the plan adds. */
function giveNode(draft: PlanDraft, group: PodGroup, at: { readonly index: number; readonly count: number }): void {
  const { nodes } = draft.snapshot;
  const node = nodes[at.index];
  const added = draft.forkedNodes[at.index - nodes.length];
  if (node === undefined && added !== undefined) return giveNewNode(draft, group, { node: added, count: at.count });
  const outcome = node?.upcoming === true ? 'onUpcomingNode' : 'onExistingNode';
  givePlaces(draft, group, { count: at.count, outcome, target: draft.fork.nodeName(at.index), refusals: [] });
}
