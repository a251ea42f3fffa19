// Part of check-plan: every pending pod is placed once or carries a reason for each pool.
import type { ClusterSnapshot } from '../cluster/build-snapshot.ts';
import type { PodObject } from '../cluster/cluster-objects.ts';
import type { Finding } from './finding.ts';
import type { Plan, PodRun } from './plan.ts';

/** Invariant: a pending pod is placed or carries a reason for each pool. */
export function checkPods(plan: Plan, snapshot: ClusterSnapshot): readonly Finding[] {
  const { objects } = snapshot;
  if (objects.cluster.spec.paused === true || objects.cluster.metadata.deletionTimestamp !== undefined) return [];
  const listed = new Map<PodRun['pods'], PodRun[]>();
  for (const run of plan.report.pods) {
    if (run.outcome === 'unplaceable' && run.refusals.length < objects.nodePools.length) continue;
    const known = listed.get(run.pods);
    if (known === undefined) listed.set(run.pods, [run]);
    else known.push(run);
  }
  // The plan shares the lists of its snapshot; one that was read back from a file has its own.
  const readBack = new Map<string | undefined, PodRun[]>();
  for (const runs of snapshot.pendingGroups.every(({ pods }) => listed.has(pods)) ? [] : listed.values()) {
    const uid = runs[0]?.pods[0]?.uid;
    readBack.set(uid, [...(readBack.get(uid) ?? []), ...runs]);
  }
  return snapshot.pendingGroups.flatMap(({ pods }) => {
    const alike = readBack.get(pods[0]?.uid)?.filter((run) => samePods(run.pods, pods)) ?? [];
    return checkRuns(pods, listed.get(pods) ?? alike);
  });
}

function samePods(left: readonly PodObject[], right: readonly PodObject[]): boolean {
  return left.length === right.length && left.every((pod, index) => pod.uid === right[index]?.uid);
}

/** Runs must cover the group from end to end, each pod once. */
function checkRuns(pods: readonly PodObject[], runs: readonly PodRun[]): readonly Finding[] {
  const findings: Finding[] = [];
  let reached = 0;
  const inOrder = runs.every((run, index) => run.from >= (runs[index - 1]?.from ?? 0));
  const sorted = inOrder ? runs : [...runs].sort((a, b) => a.from - b.from);
  for (const { from, to } of sorted) {
    if (from !== reached) findings.push(gapOrTwice(pods, { from, reached }));
    reached = Math.max(reached, to);
  }
  if (pods.length !== reached) findings.push(gapOrTwice(pods, { from: pods.length, reached }));
  return findings;
}

/** The next run begins elsewhere than where those before it end. */
function gapOrTwice(pods: readonly PodObject[], at: { readonly from: number; readonly reached: number }): Finding {
  const { from, reached } = at;
  const pod = pods[Math.min(from, reached)];
  const name = `${pod?.namespace}/${pod?.name}`;
  if (from < reached) {
    return { severity: 'fatal', kind: 'placedTwice', message: `pod ${name} has two places in the plan` };
  }
  const others = from - reached > 1 ? ` and ${from - reached - 1} like it` : '';
  return {
    severity: 'warning',
    kind: 'unexplained',
    message: `pod ${name}${others} has neither a place nor a reason per pool`,
  };
}
