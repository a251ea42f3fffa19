// Event to decision on a cluster that is in use: pods of Deployments are replaced, now and then a node is lost, and the
// whole path runs again: parse the events → objects → snapshot → plan → check. The debounce of the loop (200 ms of quiet)
// is not part of it: at 100 pod events a second a decision sees 20 of them, and a minute is 300 decisions.
import { parseArgs } from 'node:util';
import { parseNodeClaim, parseNodePool, parseWorkloadCluster } from '../src/api/parse-resources.ts';
import type { ClusterSnapshot } from '../src/cluster/build-snapshot.ts';
import { nextSnapshot } from '../src/cluster/next-snapshot.ts';
import type { ClusterObjects, PodObject } from '../src/cluster/cluster-objects.ts';
import { parseNode } from '../src/cluster/parse-node.ts';
import { parseDaemonSet, parseNamespace, parsePodDisruptionBudget } from '../src/cluster/parse-objects.ts';
import { parsePod } from '../src/cluster/parse-pod.ts';
import { PodShapeInterner } from '../src/cluster/pod-shape-interner.ts';
import { checkPlan } from '../src/planner/check-plan.ts';
import { makePlan } from '../src/planner/make-plan.ts';
import { carriedOut, withoutNode } from './carry-out.ts';
import { percentile, round, rssMiB } from './figures.ts';
import { FLAVOR, podOf, type StillCluster, stillCluster } from './still-cluster.ts';

/** Objects of the generated cluster, parsed as the list-watch parses them. */
export function objectsOf(cluster: StillCluster, interner: PodShapeInterner): ClusterObjects {
  return {
    cluster: parseWorkloadCluster(cluster.workloadCluster),
    observedAtMs: Date.parse('2026-11-20T12:00:00Z'),
    nodePools: cluster.nodePools.map(parseNodePool),
    claims: cluster.claims.map(parseNodeClaim),
    pods: cluster.pods.map((pod) => parsePod(pod, interner)),
    nodes: cluster.nodes.map(parseNode),
    podDisruptionBudgets: cluster.podDisruptionBudgets.map(parsePodDisruptionBudget),
    daemonSets: cluster.daemonSets.map((daemonSet) => parseDaemonSet(daemonSet, interner)),
    persistentVolumeClaims: [],
    persistentVolumes: [],
    storageClasses: [],
    csiNodes: [],
    namespaces: cluster.namespaces.map(parseNamespace),
    flavors: [{ ...FLAVOR, extraSpecs: new Map() }],
    targets: {
      networkId: 'network',
      subnetId: undefined,
      images: [{ id: 'image', name: 'image', flavors: undefined }],
      zones: ['zone-1'],
      region: 'region-1',
    },
    quota: { serversLeft: undefined, coresLeft: undefined, memoryMiBLeft: undefined },
    prices: undefined,
    backoffs: [],
    frozen: undefined,
  };
}

/** Replaces `count` pods by fresh ones of the same kind on the same nodes, as rolling updates do. */
function withEvents(
  objects: ClusterObjects,
  of: { readonly turn: number; readonly count: number; readonly interner: PodShapeInterner },
): ClusterObjects {
  const pods: PodObject[] = objects.pods.slice();
  for (let event = 0; event < of.count; event += 1) {
    const index = ((of.turn * of.count + event) * 7919) % pods.length;
    const old = pods[index];
    if (old === undefined) throw new Error('no pod to replace');
    const raw = podOf({
      app: old.controller?.name ?? 'app',
      kind: old.controller?.kind ?? 'ReplicaSet',
      node: old.nodeName,
      cpuMillis: old.shape.requests.cpuMillis,
      memoryMiB: old.shape.requests.memoryBytes / 2 ** 20,
    });
    pods[index] = parsePod(raw, of.interner);
  }
  return { ...objects, pods };
}

interface Run {
  readonly timesMs: number[];
  readonly stages: { readonly snapshot: number[]; readonly plan: number[]; readonly check: number[] };
  objects: ClusterObjects;
  snapshot: ClusterSnapshot | undefined;
  lost: number;
}

/** One decision after `events` pods were replaced; `losing` a node first. */
function decide(run: Run, of: { turn: number; events: number; losing: boolean; interner: PodShapeInterner }): void {
  const { turn, events, losing, interner } = of;
  if (losing) {
    const name = run.objects.nodes[(turn * 31) % run.objects.nodes.length]?.name ?? '';
    run.objects = withoutNode(run.objects, name);
    run.lost += 1;
  }
  const startedMs = performance.now();
  run.objects = withEvents(run.objects, { turn, count: events, interner });
  const snapshot = nextSnapshot(run.snapshot, run.objects, turn);
  run.snapshot = snapshot;
  const builtMs = performance.now();
  const plan = makePlan(snapshot, { nameSeed: `bench ${turn}` });
  const plannedMs = performance.now();
  const findings = checkPlan(plan, snapshot);
  const checkedMs = performance.now();
  if (findings.some((finding) => finding.severity === 'fatal')) throw new Error(JSON.stringify(findings));
  if (!losing && plan.steps.length > 0) {
    throw new Error(`a cluster that is well must be left alone, but a plan held ${plan.steps.length} steps`);
  }
  if (losing) run.objects = carriedOut(run.objects, plan);
  run.timesMs.push(checkedMs - startedMs);
  run.stages.snapshot.push(builtMs - startedMs);
  run.stages.plan.push(plannedMs - builtMs);
  run.stages.check.push(checkedMs - plannedMs);
}

/** Bytes in use once nothing is left to collect; needs --expose-gc. */
function heapMiB(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return round((heapUsed + arrayBuffers) / 2 ** 20, 1);
}

const WARM_UP = 20;

export async function steadyState(argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      nodes: { type: 'string', default: '1000' },
      pods: { type: 'string', default: '30000' },
      rounds: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      events: { type: 'string', default: '20' },
      'lost-every': { type: 'string', default: '0' },
    },
  });
  const size = { nodes: Number(values.nodes), pods: Number(values.pods), seed: Number(values.seed) };
  const events = Number(values.events);
  const lostEvery = Number(values['lost-every']);
  const interner = new PodShapeInterner();
  const fresh = (objects: ClusterObjects): Run => {
    return { timesMs: [], stages: { snapshot: [], plan: [], check: [] }, objects, snapshot: undefined, lost: 0 };
  };
  const warm = fresh(objectsOf(stillCluster(size), interner));
  for (let turn = 1; turn <= WARM_UP; turn += 1) decide(warm, { turn, events, losing: false, interner });
  const run = fresh(warm.objects);
  const heapBefore = heapMiB();
  const rounds = Number(values.rounds);
  for (let turn = 1; turn <= rounds; turn += 1) {
    decide(run, { turn: WARM_UP + turn, events, losing: lostEvery > 0 && turn % lostEvery === 0, interner });
  }
  return {
    benchmark: 'steady-state',
    ...size,
    rounds,
    events_per_decision: events,
    nodes_lost: run.lost,
    p50_ms: round(percentile(run.timesMs, 0.5)),
    p99_ms: round(percentile(run.timesMs, 0.99)),
    max_ms: round(Math.max(...run.timesMs)),
    snapshot_p50_ms: round(percentile(run.stages.snapshot, 0.5)),
    plan_p50_ms: round(percentile(run.stages.plan, 0.5)),
    check_p50_ms: round(percentile(run.stages.check, 0.5)),
    heap_before_mb: heapBefore,
    heap_after_mb: heapMiB(),
    shapes: interner.size,
    rss_mb: rssMiB(),
  };
}
