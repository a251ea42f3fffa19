// Which pods may get which node's name: those that the plan puts there, while they have none. For nodes that open now, and again
// for those that are open: a pod that the scheduler tried while its node was closed, or before it had seen it open, lost its
// name and with it its room, and finds another place when it is tried next, seconds later.
import type { ClusterSnapshot, SnapshotNode } from '../cluster/build-snapshot.ts';
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { Plan } from '../planner/plan.ts';
import { namedAhead } from './large-round.ts';
import type { PlacedNode } from './name-pods.ts';
import { isPlacing } from './placement-hints.ts';

/** The only scheduler whose filters the planner knows. Other profiles may have others. */
const SCHEDULER = 'default-scheduler';
/** Pods that the scheduler could not place it tries again within five minutes (podMaxInUnschedulablePodsDuration). */
const KEPT_AFTER_READY_MS = 5 * 60_000;
/** A node that refused a pod that often refuses it for a reason that we do not know. Without an end each name that is taken back
 *  would have the scheduler try all pods once more. */
export const NAMES_AGAIN_MAX = 4;
const NAMES_AGAIN_PER_PASS_MAX = 200;

/** `nodes`, each with the pods that the plan puts there and that have no name: one that has its name was named before, and one
 *  that has another's was named by preemption, or by a plan that has changed. Keeps their order. */
export function plannedNames(
  plan: Plan,
  { pendingPods }: Pick<ClusterSnapshot, 'pendingPods'>,
  nodes: readonly SnapshotNode[],
): readonly PlacedNode[] {
  if (nodes.length === 0) return [];
  const planned = new Map<string, PodObject[]>(nodes.map(({ name }) => [name, []]));
  for (const { outcome, target, pods, from, to } of plan.report.pods) {
    const known = outcome === 'onUpcomingNode' || outcome === 'onExistingNode' ? planned.get(target) : undefined;
    if (known === undefined) continue;
    for (let at = from; at < to; at += 1) {
      const pod = pods[at];
      if (pod !== undefined && pod.nominatedNodeName === '' && pod.schedulerName === SCHEDULER) known.push(pod);
    }
  }
  const ours = pendingPods.filter(({ schedulerName }) => schedulerName === SCHEDULER);
  const named = Map.groupBy(ours, ({ nominatedNodeName }) => nominatedNodeName);
  return nodes.flatMap((placed) => {
    const { node, name } = placed;
    return node === undefined ? [] : [{ placed, node, pods: planned.get(name) ?? [], named: named.get(name) ?? [] }];
  });
}

/** Over all passes: which pods get their name ahead of time, and which of open nodes get it again. */
export class NamedPods {
  /** Names that a pod got so, by its uid. */
  readonly #again = new Map<string, number>();

  /** Open nodes that were made for pods and joined lately, with those of these pods that were tried in vain and have no name. */
  lost(plan: Plan, snapshot: ClusterSnapshot, nowMs: number): readonly PlacedNode[] {
    const open = snapshot.nodes.filter(
      ({ node, claim, draining }) =>
        node?.ready === 'True' &&
        nowMs - node.readyChangedMs < KEPT_AFTER_READY_MS &&
        claim?.spec.plannedPods !== undefined &&
        !draining &&
        !isPlacing(node),
    );
    if (open.length === 0) return [];
    let left = NAMES_AGAIN_PER_PASS_MAX;
    return plannedNames(plan, snapshot, open).flatMap((one) => {
      const lost = one.pods.filter(({ uid, unschedulable }) => unschedulable && this.#mayAgain(uid)).slice(0, left);
      left -= lost.length;
      return lost.length === 0 ? [] : [{ ...one, pods: lost }];
    });
  }

  /** The pod gets its name now. */
  note({ uid }: PodObject): void {
    this.#again.set(uid, (this.#again.get(uid) ?? 0) + 1);
  }

  /** Of nodes that are held, those pods that get their name ahead of time: so that a slow server has most of them when the nodes
   *  open. Once each, as a name does not stand for ever; not those of a spread rule, which are dealt to all nodes at once. */
  ahead(held: readonly PlacedNode[]): readonly PlacedNode[] {
    return held.flatMap((one) => {
      const pods = namedAhead(one.pods).filter(({ uid }) => !this.#again.has(uid));
      return pods.length === 0 ? [] : [{ ...one, pods }];
    });
  }

  #mayAgain(uid: string): boolean {
    return (this.#again.get(uid) ?? 0) < NAMES_AGAIN_MAX;
  }

  /** What is no longer of interest. */
  forget({ pendingPods }: ClusterSnapshot): void {
    if (this.#again.size === 0) return;
    const waiting = new Set(pendingPods.map(({ uid }) => uid));
    for (const uid of this.#again.keys()) if (!waiting.has(uid)) this.#again.delete(uid);
  }
}
