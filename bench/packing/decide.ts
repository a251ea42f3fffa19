// The product's own path from JSON text to a checked plan, with the time of each part: decode (JSON text → pod objects),
// intern (objects → shapes and snapshot), decision (snapshot → checked plan).
import { polishPlan } from '../../src/cli/polish-plan.ts';
import { buildSnapshot, type ClusterSnapshot } from '../../src/cluster/build-snapshot.ts';
import type { ClusterObjects, PodObject } from '../../src/cluster/cluster-objects.ts';
import { parsePod } from '../../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../../src/cluster/pod-shape-interner.ts';
import { checkPlan } from '../../src/planner/check-plan.ts';
import type { Finding } from '../../src/planner/finding.ts';
import { makePlan } from '../../src/planner/make-plan.ts';
import type { Plan } from '../../src/planner/plan.ts';
import { clusterOf, type Offered } from '../inputs/empty-cluster.ts';
import { podListPages } from '../inputs/pods-of-workload.ts';
import type { Workload } from '../inputs/read-workload.ts';

export interface Loaded {
  readonly objects: ClusterObjects;
  readonly snapshot: ClusterSnapshot;
  readonly decodeMs: number;
  readonly internMs: number;
}

export interface Decision {
  readonly plan: Plan;
  readonly findings: readonly Finding[];
  readonly tookMs: number;
}

/** Pods from text, page by page as an API gives them, into the first snapshot. */
export function loadWorkload(workload: Workload, offered: Offered): Loaded {
  const interner = new PodShapeInterner();
  const pods: PodObject[] = [];
  let decodeMs = 0;
  let internMs = 0;
  for (const text of podListPages(workload)) {
    const startedMs = performance.now();
    const list = JSON.parse(text) as { readonly items: readonly unknown[] };
    const decodedMs = performance.now();
    for (const item of list.items) pods.push(parsePod(item, interner));
    internMs += performance.now() - decodedMs;
    decodeMs += decodedMs - startedMs;
  }
  const objects = clusterOf(workload, offered, pods);
  const startedMs = performance.now();
  const snapshot = buildSnapshot(objects, 1);
  internMs += performance.now() - startedMs;
  return { objects, snapshot, decodeMs, internMs };
}

/** One decision on a snapshot that nothing has looked at before. */
export function decide(snapshot: ClusterSnapshot): Decision {
  const startedMs = performance.now();
  const plan = makePlan(snapshot, { nameSeed: `bench ${snapshot.version}` });
  const findings = checkPlan(plan, snapshot);
  return { plan, findings, tookMs: performance.now() - startedMs };
}

/** The decision as it comes out when the same pods come again after a polish of so many seconds; `first` where that is no better. */
export function polishDecision(snapshot: ClusterSnapshot, first: Decision, seconds: number): Decision {
  const plan = polishPlan(snapshot, first.plan, { nameSeed: `bench ${snapshot.version}`, seconds });
  return { plan, findings: checkPlan(plan, snapshot), tookMs: 0 };
}

/** The same objects as a new snapshot: fresh state for a further decision. */
export function freshSnapshot(objects: ClusterObjects, version: number): ClusterSnapshot {
  return buildSnapshot(objects, version);
}
