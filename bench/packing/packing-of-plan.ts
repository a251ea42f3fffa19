// What a plan promises, in the words of the input: nodes by type and zone with the numbers of their pods, and who has none.
import { type Plan, podsIn } from '../../src/planner/plan.ts';
import { singleSteps } from '../../src/planner/single-steps.ts';
import type { PackedNode } from '../../test/packing/verify-packing.ts';
import { podNumber } from '../inputs/pods-of-workload.ts';

export interface PlannedPacking {
  readonly nodes: readonly PackedNode[];
  readonly unplaced: readonly number[];
  /** Pods on the nodes, in the order in which the plan found them their places. */
  readonly order: readonly number[];
  /** Number of a pod without a node → why, as the plan tells it. */
  readonly reasons: ReadonlyMap<number, string>;
}

/** The new nodes of `plan` in its order; pods ascending. */
export function packingOf(plan: Plan): PlannedPacking {
  const nodes: PackedNode[] = [];
  for (const step of singleSteps(plan.steps)) {
    if (step.kind !== 'createClaim') continue;
    const pods = podsIn(step.pods).map((pod) => podNumber(pod.uid));
    nodes.push({ type: step.spec.flavor, zone: step.spec.zone, pods: pods.sort((a, b) => a - b) });
  }
  const reasons = new Map<number, string>();
  const order: number[] = [];
  for (const run of plan.report.pods) {
    if (run.outcome === 'onNewNode') {
      for (const pod of podsIn([run])) order.push(podNumber(pod.uid));
      continue;
    }
    const why = run.refusals[0]?.message ?? run.outcome;
    for (const pod of podsIn([run])) reasons.set(podNumber(pod.uid), why);
  }
  return { nodes, unplaced: [...reasons.keys()].sort((a, b) => a - b), order, reasons };
}

/** A line per node: `{"type":"b3-8","zone":"a","pods":[0,1]}`. */
export function packingLines(nodes: readonly PackedNode[]): string {
  return nodes.map(({ type, zone, pods }) => `${JSON.stringify({ type, zone, pods })}\n`).join('');
}
