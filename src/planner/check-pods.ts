// Part of check-plan: every pending pod is placed once or carries a reason for each pool.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { Finding } from './finding.ts';
import type { Plan, PodRun } from './plan.ts';

/** Invariant: a pending pod is placed or carries a reason for each pool. */
export function checkPods(plan: Plan, snapshot: ClusterSnapshot): readonly Finding[] {
  const { objects } = snapshot;
  if (objects.cluster.spec.paused === true || objects.cluster.metadata.deletionTimestamp !== undefined) return [];
  const runs = new Map<string | undefined, PodRun[]>();
  for (const run of plan.report.pods) {
    if (run.outcome === 'unplaceable' && run.refusals.length < objects.nodePools.length) continue;
    const known = runs.get(run.pods[0]?.uid);
    if (known === undefined) runs.set(run.pods[0]?.uid, [run]);
    else known.push(run);
  }
  return snapshot.pendingGroups.flatMap(({ pods }) => {
    const own = (runs.get(pods[0]?.uid) ?? []).filter((run) => samePods(run.pods, pods));
    return checkRuns(pods, own);
  });
}

/** The plan shares the lists of its snapshot; one that was read back from a file has its own. */
function samePods(left: readonly PodObject[], right: readonly PodObject[]): boolean {
  return left === right || (left.length === right.length && left.every((pod, index) => pod.uid === right[index]?.uid));
}

/** Runs must cover the group from end to end, each pod once. */
function checkRuns(pods: readonly PodObject[], runs: readonly PodRun[]): readonly Finding[] {
  const findings: Finding[] = [];
  let reached = 0;
  const inOrder = runs.every((run, index) => run.from >= (runs[index - 1]?.from ?? 0));
  const sorted = inOrder ? runs : [...runs].sort((a, b) => a.from - b.from);
  for (const { from, to } of [...sorted, { from: pods.length, to: pods.length }]) {
    const pod = pods[Math.min(from, reached)];
    const name = `${pod?.namespace}/${pod?.name}`;
    if (from > reached) {
      const others = from - reached > 1 ? ` and ${from - reached - 1} like it` : '';
      findings.push({
        severity: 'warning',
        kind: 'unexplained',
        message: `pod ${name}${others} has neither a place nor a reason per pool`,
      });
    }
    if (from < reached)
      findings.push({ severity: 'fatal', kind: 'placedTwice', message: `pod ${name} has two places in the plan` });
    reached = Math.max(reached, to);
  }
  return findings;
}
