// Phase: every pending pod gets a place or a reason. Nodes that stand first, then nodes that are coming up, then nodes
// that this plan adds. Pods that must leave a draining node ask like pending ones: else the same room is given twice.
import type { PodObject } from '../cluster/cluster-objects.ts';
import { simulatePendingPods } from '../simulation/simulate-pending-pods.ts';
import { belongsToNode } from './claim-facts.ts';
import { openExplainer } from './explain-left-pods.ts';
import { packNewNodes } from './pack-new-nodes.ts';
import type { PlanDraft } from './plan-draft.ts';
import type { PodVerdict } from './plan.ts';
import { comparePods, groupPods } from './pod-groups.ts';

/** Cluster-autoscaler's default: pods below it are filler that must not cost anything. */
const EXPENDABLE_CUTOFF_DEFAULT = -10;

/** Priority below which a pod neither causes scale-up nor keeps a node. */
export function expendableCutoff(draft: PlanDraft): number {
  return draft.objects.cluster.spec.autoscaler?.expendablePodsPriorityCutoff ?? EXPENDABLE_CUTOFF_DEFAULT;
}

/** Places or explains every pending pod. Leaves the fork with all of them where the plan wants them. */
export function planScaleUp(draft: PlanDraft): void {
  const cutoff = expendableCutoff(draft);
  const verdicts = new Map<string, PodVerdict>();
  const waiting = draft.snapshot.pendingPods.filter((pod) => !nominated(draft, pod, verdicts));
  // Expendable ones after all others: they take what room is left and never more.
  const wanted = waiting.filter((pod) => pod.priority >= cutoff);
  const moving = [...draft.displaced, ...draft.rehoused].filter((pod) => pod.priority >= cutoff);
  const demand = [...wanted, ...moving].sort(comparePods);
  const rehoused = new Set(draft.rehoused);
  const { placed, left } = simulatePendingPods(draft.fork, demand);
  for (const { pod, node } of placed) verdicts.set(pod.uid, placedVerdict(draft, pod, node));
  const asking = left.filter((pod) => !belongsToNode(pod) && !rehoused.has(pod));
  packNewNodes(draft, groupPods(asking), (pod, node) => {
    node.pods.push(pod);
    verdicts.set(pod.uid, verdictOf(pod, { outcome: 'onNewNode', target: node.name }));
  });
  const expendable = waiting.filter((pod) => pod.priority < cutoff);
  for (const { pod, node } of simulatePendingPods(draft.fork, expendable).placed) {
    verdicts.set(pod.uid, placedVerdict(draft, pod, node));
  }
  const explain = openExplainer(draft, { cutoff });
  for (const pod of draft.snapshot.pendingPods) {
    draft.podVerdicts.push(
      verdicts.get(pod.uid) ?? {
        ...verdictOf(pod, { outcome: 'unplaceable', target: '' }),
        refusals: explain(pod),
      },
    );
  }
}

/** The scheduler has already chosen a node and waits for the pods that it preempts there: no node is needed. */
function nominated(draft: PlanDraft, pod: PodObject, verdicts: Map<string, PodVerdict>): boolean {
  const index = draft.snapshot.nodeIndexByName.get(pod.nominatedNodeName);
  const node = index === undefined ? undefined : draft.snapshot.nodes[index];
  if (index === undefined || node?.node === undefined || !draft.fork.isOpen(index)) return false;
  if (draft.fork.whyNot(pod, index) === undefined) {
    draft.fork.place(pod, index);
    verdicts.set(pod.uid, placedVerdict(draft, pod, index));
  } else {
    verdicts.set(pod.uid, verdictOf(pod, { outcome: 'waitingForPreemption', target: node.name }));
  }
  return true;
}

function placedVerdict(draft: PlanDraft, pod: PodObject, index: number): PodVerdict {
  const { nodes } = draft.snapshot;
  const node = nodes[index];
  if (node === undefined) {
    const added = draft.newNodes[index - nodes.length];
    added?.pods.push(pod);
    return verdictOf(pod, { outcome: 'onNewNode', target: draft.fork.nodeName(index) });
  }
  return verdictOf(pod, { outcome: node.upcoming ? 'onUpcomingNode' : 'onExistingNode', target: node.name });
}

function verdictOf(pod: PodObject, where: Pick<PodVerdict, 'outcome' | 'target'>): PodVerdict {
  return { podUid: pod.uid, namespace: pod.namespace, name: pod.name, ...where, refusals: [] };
}
