// Part of check-plan: what removals by choice do to pods. Counted over the whole set of nodes that drain: no budget may
// be asked for more than it has by several nodes, and none at all that has nothing left.
import { selectorMatches } from '../cluster/label-selector.ts';
import type { ClusterSnapshot, SnapshotNode } from '../cluster/build-snapshot.ts';
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { Finding } from './finding.ts';
import type { Plan } from './plan.ts';

/** Removals that are the planner's own choice; the others carry out a person's word or what has happened already. */
const BY_CHOICE: ReadonlySet<string> = new Set(['ScaleDown', 'Unready']);
/** Cluster-autoscaler's cutoff: below it a pod keeps no node. */
const EXPENDABLE_CUTOFF_DEFAULT = -10;

/** Removals by choice that would break a budget or a pod's wish to stay. All fatal. */
export function checkDisruptions(plan: Plan, snapshot: ClusterSnapshot): readonly Finding[] {
  const chosen = chosenNodes(plan, snapshot);
  if (chosen.length === 0) return [];
  const cutoff = snapshot.objects.cluster.spec.autoscaler?.expendablePodsPriorityCutoff ?? EXPENDABLE_CUTOFF_DEFAULT;
  const evicted = (node: SnapshotNode): readonly PodObject[] =>
    node.pods.filter(
      (pod) => !pod.mirror && !pod.deleting && pod.controller?.kind !== 'DaemonSet' && pod.priority >= cutoff,
    );
  const findings: Finding[] = [];
  for (const node of chosen) {
    for (const pod of evicted(node)) {
      if (pod.safeToEvict === false || pod.doNotDisrupt) {
        findings.push(
          fatal(
            'disruption',
            `node '${node.name}' has pod ${pod.namespace}/${pod.name}, not to be evicted`,
            poolOf([node]),
          ),
        );
      }
    }
  }
  const draining = snapshot.nodes.filter((node) => node.draining);
  for (const budget of snapshot.objects.podDisruptionBudgets) {
    const usedBy = (node: SnapshotNode): number =>
      evicted(node).filter(
        (pod) => pod.namespace === budget.namespace && selectorMatches(budget.selector, pod.shape.labels),
      ).length;
    const uses = chosen.map(usedBy).filter((count) => count > 0);
    if (uses.length === 0) continue;
    const pool = poolOf(chosen.filter((node) => usedBy(node) > 0));
    const name = `PodDisruptionBudget ${budget.namespace}/${budget.name}`;
    if (budget.disruptionsAllowed < 1) {
      findings.push(fatal('disruptionBudget', `${name} allows nothing and the plan evicts its pods`, pool));
    }
    const before = draining.map(usedBy).filter((count) => count > 0);
    const all = [...before, ...uses];
    const total = all.reduce((sum, count) => sum + count, 0);
    // One node alone drains its pods one after another; several at once add up.
    if (all.length > 1 && total > budget.disruptionsAllowed) {
      findings.push(
        fatal(
          'disruptionBudget',
          `${name} allows ${budget.disruptionsAllowed} and ${all.length} nodes evict ${total}`,
          pool,
        ),
      );
    }
  }
  return findings;
}

/** The one pool of all `nodes`; undefined: there are several, and only all of them together are at fault. */
function poolOf(nodes: readonly SnapshotNode[]): string | undefined {
  const pools = new Set(nodes.map((node) => node.claim?.spec.poolName));
  return pools.size === 1 ? [...pools][0] : undefined;
}

function chosenNodes(plan: Plan, snapshot: ClusterSnapshot): readonly SnapshotNode[] {
  const names = new Set(
    plan.steps.flatMap((step) => (step.kind === 'removeClaim' && BY_CHOICE.has(step.reason) ? [step.claim] : [])),
  );
  return snapshot.nodes.filter((node) => node.claim !== undefined && names.has(node.claim.metadata.name));
}

function fatal(kind: string, message: string, pool?: string): Finding {
  return { severity: 'fatal', kind, message, ...(pool === undefined ? {} : { pool }) };
}
